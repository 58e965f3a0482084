/** A step of a property path: to a field, or to the one entry of a sequence that has a key. */
export type PathStep = { readonly field: string } | { readonly key: string | number };

const paths = /^\w+(?:\.\w+|\["[^"]*"\]|\[\d+\])*$/;
const steps = /(?<field>\w+)|\["(?<text>[^"]*)"\]|\[(?<number>\d+)\]/g;

/** Takes apart a path such as `config.extraConfig["some.key"].value` or `config.hardware.device[2000]`; undefined where it is none. */
export function parsePropertyPath(path: string): readonly PathStep[] | undefined {
  if (!paths.test(path)) return undefined;
  return [...path.matchAll(steps)].map(({ groups: { field, text, number } = {} }) => {
    if (field !== undefined) return { field };
    return { key: text ?? Number(number) };
  });
}
