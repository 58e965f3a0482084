/**
 * A fault as far as the server told it: its type is what counts, and `MethodFault` where it named none. Servers leave out
 * parts of faults that their schema requires.
 */
export function faultOf(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { _type } = value;
  return { ...value, _type: typeof _type === 'string' ? _type : 'MethodFault' };
}

/** A `LocalizedMethodFault`, which tells of an error whether or not it holds one. */
export function localizedFaultOf(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { fault, localizedMessage } = value;
  const isWhole = typeof fault === 'object' && fault !== null && !Array.isArray(fault);
  return {
    fault: faultOf(isWhole ? (fault as Readonly<Record<string, unknown>>) : {}),
    ...(typeof localizedMessage === 'string' ? { localizedMessage } : {}),
  };
}
