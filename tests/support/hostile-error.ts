const fails = (): never => {
  throw new Error('trapped');
};

/** An error that throws whenever somebody looks at it. */
export function hostileError(): Error {
  return new Proxy(new Error('x'), { get: fails, getPrototypeOf: fails, has: fails });
}
