import type { VimSession } from '../index.js';

function refuse(): never {
  throw new Error('this command does not connect to vSphere');
}

/** For commands that need a driver and no vCenter. */
export const noSession: VimSession = {
  get serviceContent() {
    return refuse();
  },
  host: '',
  port: 443,
  invoke: refuse,
  download: refuse,
  upload: refuse,
};
