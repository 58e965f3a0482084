/** What a signal is aborted by, for as long as there is the signal. */
const sources = new WeakMap<AbortSignal, readonly AbortSignal[]>();

/**
 * A signal that is aborted as soon as one of these is. `AbortSignal.any` of Node.js 20 holds its sources only weakly: a time limit
 * among them that nobody else holds is collected as garbage, and never comes to be over.
 */
export function anySignal(...signals: readonly AbortSignal[]): AbortSignal {
  // eslint-disable-next-line no-restricted-properties -- here it is completed
  const any = AbortSignal.any([...signals]);
  sources.set(any, signals);
  return any;
}
