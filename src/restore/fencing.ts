/**
 * The decisions of the protocol by which a restore owns what it made, and by which whoever ends it keeps everybody else
 * out: what to do next, given what was read. Nothing here reads or changes anything, so that a model can drive these very
 * functions through every interleaving (tests/restore/fencing-model.test.ts). docs/reliability.md explains the protocol.
 */

/** What one read of a temporary VM showed. */
export interface TemporaryVmSight {
  /** The token of its owner; absent where it has no journal. */
  readonly token: string | undefined;
  /** Whether it has become a volume's backing: it has no journal any more, but a volume's name and mark. */
  readonly published: boolean;
  /** Datastore paths of the disks attached to it. */
  readonly attached: readonly string[];
}

/** Where somebody stands who wants to end a restore: it is his, he may take it over, it is another's, or it is gone. */
export type Claim = 'held' | 'take' | 'lost' | 'gone';

/**
 * Whether a temporary VM may be taken over. Nobody takes it again under a token that was used before: a change that was sent
 * under it may still arrive.
 *
 * @param takesFrom whose it may be taken from; where absent, anybody's
 */
export function claimOn(sight: TemporaryVmSight | undefined, token: string, takesFrom?: string): Claim {
  if (sight === undefined) return 'gone';
  if (sight.token === token) return 'held';
  return takesFrom === undefined || sight.token === takesFrom ? 'take' : 'lost';
}

/** Whether a read shows its reader to be the owner; only then may it change anything, and at that read's version only. */
export function owns(sight: TemporaryVmSight | undefined, token: string): sight is TemporaryVmSight {
  return sight?.token === token;
}

/** What the backing says of an exchange: its disk is the restored one, is still the old one, or is the old one again. */
export type ExchangeState = 'completed' | 'undone' | 'exchanged back';

/** The mark an exchange leaves on the backing, in the same reconfiguration. */
export function exchangeMark(operation: string, { back = false } = {}): string {
  return back ? `${operation}:undone` : operation;
}

/** Reads from the backing's mark what became of an operation. Paths do not tell: storage vMotion and renames change them. */
export function exchangeState(mark: string | undefined, operation: string): ExchangeState {
  if (mark === exchangeMark(operation)) return 'completed';
  return mark === exchangeMark(operation, { back: true }) ? 'exchanged back' : 'undone';
}

/**
 * What a restore that lost its temporary VM can say of the volume: whoever took it may have ended it, and another restore may
 * have been through since.
 *
 * @param markBefore the backing's mark as the restore saw it before its exchange
 */
export function stateAfterLoss(
  mark: string | undefined,
  markBefore: string | undefined,
  operation: string,
): 'completed' | 'undone' | 'unknown' {
  const state = exchangeState(mark, operation);
  if (state === 'completed') return 'completed';
  return state === 'exchanged back' || mark === markBefore ? 'undone' : 'unknown';
}

/** How far the restore of a temporary VM that is to be ended had come. */
export interface RestoreRemains {
  readonly state: ExchangeState;
  /** Where the imported disk is, and where it is moved to; absent while it was never detached. */
  readonly planned: { readonly importedDisk: string; readonly newDisk: string } | undefined;
  /** The disk that the exchange took from the backing, as the backing says. */
  readonly removedDisk: string | undefined;
  /** Paths that need nothing any more: deleted, found absent, or kept. */
  readonly settled: ReadonlySet<string>;
}

/** What to do next to end a restore, once its temporary VM is owned and the backing's answer is final. */
export type CleanupStep =
  /** The disk's file goes. */
  | { readonly what: 'delete'; readonly path: string }
  /** The disk's file goes with the temporary VM. */
  | { readonly what: 'attach'; readonly path: string }
  /** The disk must not go with the temporary VM. */
  | { readonly what: 'detach'; readonly path: string }
  | { readonly what: 'destroy' }
  /** Somebody else took it over: he ends it. */
  | { readonly what: 'leave' }
  | { readonly what: 'nothing' };

/**
 * The next step of a restore's end.
 *
 * - The imported disk goes before the place it is moved to: a move that is still on its way then finds nothing to move.
 * - The disk that was taken from the backing is never deleted by its path, which may be the path of the volume's disk by the
 *   time the call arrives. Attached to the temporary VM it goes with that, at once.
 * - The temporary VM goes last: until then whatever is left can be found by it.
 *
 * @param backingDisks what the backing has attached, read after the sight
 */
export function nextCleanupStep(
  sight: TemporaryVmSight | undefined,
  token: string,
  backingDisks: readonly string[],
  { state, planned, removedDisk, settled }: RestoreRemains,
): CleanupStep {
  if (sight === undefined) return { what: 'nothing' };
  if (!owns(sight, token)) return { what: 'leave' };
  const { attached } = sight;
  if (state === 'undone') {
    const imported = planned !== undefined && !attached.includes(planned.importedDisk);
    const path = imported ? [planned.importedDisk, planned.newDisk].find((one) => !settled.has(one)) : undefined;
    if (path !== undefined) return { what: 'delete', path };
  } else if (removedDisk !== undefined && !settled.has(removedDisk) && !attached.includes(removedDisk)) {
    return { what: 'attach', path: removedDisk };
  }
  const inUse = attached.find((path) => backingDisks.includes(path));
  return inUse === undefined ? { what: 'destroy' } : { what: 'detach', path: inUse };
}

/** What became of a restore to a new volume that did not end well, or what is to be done about it. */
export type PublicationStep = 'completed' | 'undone' | 'lost' | 'take' | 'destroy';

/**
 * The next step of the end of a restore to a new volume: its temporary VM is either published, and then the volume's, or goes.
 *
 * @param token what the one who ends it owns it by
 * @param takesFrom as in {@link claimOn}
 */
export function nextPublicationStep(
  sight: TemporaryVmSight | undefined,
  token: string,
  takesFrom?: string,
): PublicationStep {
  if (sight?.published === true) return 'completed';
  switch (claimOn(sight, token, takesFrom)) {
    case 'gone':
      return 'undone';
    case 'held':
      return 'destroy';
    case 'take':
      return 'take';
    case 'lost':
      return 'lost';
  }
}
