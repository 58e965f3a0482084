/**
 * State that all copies of this library in one thread share. A process may load the ESM and the CommonJS copy of a module,
 * or two versions of the package: a registered symbol is the same in all of them.
 *
 * @param name names the state and its shape; another shape is another name
 */
export function sharedState<T>(name: string, make: () => T): T {
  const place = Symbol.for(`vmdk-driver/${name}`);
  const holder = globalThis as unknown as Record<symbol, T | undefined>;
  return (holder[place] ??= make());
}
