import { VimProtocolError } from '../errors/index.js';
import { serviceInstance } from './look-again.js';
import type { AbortableOptions, VimSession } from './vim-session.js';

/**
 * The server's clock (`ServiceInstance.CurrentTime`). Machines' own clocks differ, and none of them may say how old something
 * is that another one wrote.
 *
 * @throws VimProtocolError where the server tells no time
 */
export async function serverTime(vim: VimSession, options?: AbortableOptions): Promise<Date> {
  const time = new Date(await vim.invoke('CurrentTime', serviceInstance, {}, options));
  if (Number.isNaN(time.getTime())) throw new VimProtocolError('the server tells no time (CurrentTime)');
  return time;
}
