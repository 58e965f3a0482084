/** Variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What a variable says; one that is set to nothing says nothing. */
export function variable(environment: Environment, name: string): string | undefined {
  const value = environment[name];
  return value === '' ? undefined : value;
}
