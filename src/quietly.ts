/**
 * Calls a listener of somebody else's, at once, so that it can do no harm: what it throws or rejects with is its own.
 *
 * @returns undefined where there is no listener
 */
export function quietly<T>(listener: ((event: T) => unknown) | undefined): ((event: T) => void) | undefined {
  if (listener === undefined) return undefined;
  return (event) => {
    const tell = async (): Promise<void> => {
      await listener(event);
    };
    tell().catch(() => undefined);
  };
}
