import { boundedCall, graceMs } from '../../bounded-call.js';
import { StoreError } from '../../errors/index.js';

/** Does what has to be done also after an abort, and so without its signal, and leaves it behind where the store does not answer. */
export async function inTime<T>(action: () => Promise<T>): Promise<T> {
  return boundedCall({
    call: action,
    onTimeUp: () => new StoreError('stalled', `the store did not answer within ${graceMs} ms`),
  });
}
