import {
  claimOn,
  exchangeState,
  nextCleanupStep,
  nextPublicationStep,
  owns,
  stateAfterLoss,
} from '../../../src/restore/fencing.js';

/** What the model's actors decide by: the library's own decisions, and the orders its steps keep. */
export interface Rules {
  readonly claimOn: typeof claimOn;
  readonly owns: typeof owns;
  readonly exchangeState: typeof exchangeState;
  readonly stateAfterLoss: typeof stateAfterLoss;
  readonly nextCleanupStep: typeof nextCleanupStep;
  readonly nextPublicationStep: typeof nextPublicationStep;
  /** Whether the backing is given a fresh version before it is asked what it has. */
  readonly fences: boolean;
  /** Whether a fence counts only once its reply was seen. */
  readonly waitsForFence: boolean;
  /** Whether a restore that fails takes its temporary VM over under a fresh token. */
  readonly ownerTakesOver: boolean;
  /** Whether the backing is read before the owner, and not after. */
  readonly backingFirst: boolean;
  /** Whether an exchange, and one back, names the version of the backing it was prepared for. */
  readonly exchangesAtVersion: boolean;
  /** Whether the removed disk's path is the one the exchange wrote, and not what the restore began with. */
  readonly removedAsWritten: boolean;
  /** Whether a removed disk goes with the temporary VM, and not by its path. */
  readonly removedByAttachment: boolean;
  /** Whether a restore that lost its temporary VM leaves files alone. */
  readonly loserDeletesNothing: boolean;
  /** Whether publishing names the version of the temporary VM at which its publisher was the owner. */
  readonly publishesAtVersion: boolean;
}

export const rules: Rules = {
  claimOn,
  owns,
  exchangeState,
  stateAfterLoss,
  nextCleanupStep,
  nextPublicationStep,
  fences: true,
  waitsForFence: true,
  ownerTakesOver: true,
  backingFirst: true,
  exchangesAtVersion: true,
  removedAsWritten: true,
  removedByAttachment: true,
  loserDeletesNothing: true,
  publishesAtVersion: true,
};
