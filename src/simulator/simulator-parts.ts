import type { CallFaults } from './call-faults.js';
import type { CallListeners } from './call-listeners.js';
import type { CallLog } from './call-log.js';
import type { TransferFaults } from './nfc/transfer-faults.js';
import type { World } from './world.js';

/** What a running simulator is made of. */
export interface SimulatorParts {
  readonly world: World;
  readonly log: CallLog;
  readonly callFaults: CallFaults;
  readonly transferFaults: TransferFaults;
  readonly listeners: CallListeners;
  readonly host: string;
  readonly port: number;
  readonly thumbprint: string;
  readonly thumbprintSha256: string;
  /** PEM. */
  readonly ca: string;
  /** Frees sockets and files. */
  readonly close: () => Promise<void>;
}
