/** What an object lacks of the methods that are called on it. */
export interface LackingMethod {
  /** Absent where it is no object. */
  readonly method?: string | undefined;
  readonly message: string;
}

/** What somebody handed over lacks of what is called on it; undefined where it has all of that. */
export function lackingMethod(
  value: unknown,
  required: readonly string[],
  optional: readonly string[] = [],
): LackingMethod | undefined {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null)
    return { message: 'must be an object' };
  const given = value as Readonly<Record<string, unknown>>;
  const isThere = (name: string): boolean =>
    typeof given[name] === 'function' || (given[name] === undefined && !required.includes(name));
  const method = [...required, ...optional].find((name) => !isThere(name));
  return method === undefined ? undefined : { method, message: 'must be a function' };
}
