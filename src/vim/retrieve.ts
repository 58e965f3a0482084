import { VimConnectionError, VimFault } from '../errors/index.js';
import { heard } from './object-content.js';
import type { MethodArgs, VimObject } from './schema/index.js';
import { type Backoff, waitBeforeRetry } from './session/backoff.js';
import type { VimSession } from './vim-session.js';

/** How often a retrieval is begun that was lost between two of its pages, or goes on after a page that brings nothing new. */
const restarts: Backoff = { tries: 3, firstDelayMs: 100, maxDelayMs: 1_000 };

/**
 * What a filter selects, one page of the server's after the other, each object once. The pages that a server holds ready
 * end with the session they belong to: the retrieval is then begun anew. A server that always has another page, and nothing
 * new in it, is not asked for ever.
 *
 * @throws VimFault, VimConnectionError
 */
export async function* retrieve(
  session: VimSession,
  spec: VimObject<'PropertyFilterSpec'>,
  { maxObjects, signal }: { readonly maxObjects: number; readonly signal: AbortSignal | undefined },
): AsyncGenerator<VimObject<'ObjectContent'>, void, void> {
  const collector = session.serviceContent.propertyCollector;
  const args: MethodArgs<'RetrievePropertiesEx'> = { specSet: [spec], options: { maxObjects } };
  const seen = new Set<string>();
  let failures = 1;
  const pause = async (): Promise<void> => {
    if (failures >= restarts.tries) {
      throw new VimConnectionError('the server keeps back the rest of a retrieval', 'unknown');
    }
    await waitBeforeRetry(restarts, failures, signal);
    failures++;
  };
  for (;;) {
    // Of this run: one that is begun anew comes by what is known before it comes to the rest.
    const shown = new Set<string>();
    let page = heard(spec, await session.invoke('RetrievePropertiesEx', collector, args, { signal }));
    if (page === undefined) return;
    let token: string | undefined;
    try {
      while (page !== undefined) {
        token = page.token;
        const shownBefore = shown.size;
        for (const content of page.objects) {
          shown.add(content.obj.value);
          if (seen.has(content.obj.value)) continue;
          seen.add(content.obj.value);
          yield content;
        }
        if (token === undefined) return;
        if (shown.size === shownBefore) await pause();
        const next: MethodArgs<'ContinueRetrievePropertiesEx'> = { token };
        token = undefined;
        const reply = await session
          .invoke('ContinueRetrievePropertiesEx', collector, next, { signal })
          .catch((error: unknown) => {
            if (failures >= restarts.tries || !isLostWithItsSession(error)) throw error;
            return undefined;
          });
        page = heard(spec, reply);
      }
    } finally {
      if (token !== undefined) {
        // Without the signal, which may be why it ends here; the server forgets the token in the end anyway.
        await session.invoke('CancelRetrievePropertiesEx', collector, { token }).catch(() => undefined);
      }
    }
    await pause();
  }
}

/** A new session does not know the token; a reply that was lost took its page along. Reading again changes nothing. */
function isLostWithItsSession(error: unknown): boolean {
  return error instanceof VimFault || (error instanceof VimConnectionError && error.retryable);
}
