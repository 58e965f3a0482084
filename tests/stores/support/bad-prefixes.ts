/** What no store takes for the folder that its objects go to. */
export const badPrefixes: readonly unknown[] = [5, null, 'a//b', '..', 'a/./b', 'a\nb', '\ud800'];
