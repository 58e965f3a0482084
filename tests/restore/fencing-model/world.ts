/**
 * The server of the model: one backing, one temporary VM, disk files, and calls that had their effect, or had not, or have it
 * late. Deleting a file that is attached to a VM which is off succeeds, as it does on a real server.
 */

/** `old`: what the volume had; `partial`: imported, and not made whole yet; `whole`: what the restore is to give it. */
export type Content = 'old' | 'partial' | 'whole';

/**
 * Paths: `P0` the old disk's, which is also what a storage vMotion names a backing's disk; `P1` another of that kind; `I` the
 * imported disk's and `J` where a vMotion of the temporary VM takes it; `NN` the operation's own in the backing's folder.
 */
export type Path = 'P0' | 'P1' | 'I' | 'J' | 'NN';

export interface World {
  files: Partial<Record<Path, Content>>;
  backing: { disk: Path; mark: string; removed: Path | ''; version: number };
  /** `planned`: whether the journal says where the imported disk is; then `imported` does. */
  temporary: {
    exists: boolean;
    leased: boolean;
    disks: Path[];
    token: string;
    imported: Path | '';
    version: number;
  };
  /** Counts renames of the datastore: a path that was read before one leads nowhere. */
  names: number;
  actors: Partial<Record<ActorName, Actor>>;
  /** Calls whose reply was lost and that have not had their effect yet. */
  late: Call[];
  /** What may still happen: lost replies, storage vMotions of the backing and of the temporary VM, renames. */
  budget: { losses: number; moves: number; temporaryMoves: number; renames: number };
}

/** A: who restores; R1, R2: who recover; L: who recovers when all others are dead. */
export type ActorName = 'A' | 'R1' | 'R2' | 'L';

/** Where an actor is, and what it knows. */
export interface Actor {
  at: string;
  readonly token: string;
  /** Whose the temporary VM was when it first saw it. */
  takesFrom?: string;
  /** Renames it knows of. */
  names?: number;
  backingVersion?: number;
  backingDisk?: Path;
  version?: number;
  sight?: { token: string | undefined; published: boolean; attached: Path[] };
  imported?: Path | '';
  state?: string;
  removed?: Path | '';
  /** What is about to be deleted by its path. */
  doomed?: Path;
  /** Whether it ends its own restore, well, under the token it began with. */
  asOwner?: boolean;
  settled?: Path[];
  /** Whether a changing call of its is out whose end it does not know, which may give the backing another disk. */
  unanswered?: boolean;
  markBefore?: string;
  /** What it said: the volume has its old disk, or the new one, or it does not know. */
  said?: 'old' | 'new' | 'unknown';
}

export type Call = { readonly names?: number } & (
  | { readonly what: 'complete' | 'abort' }
  | { readonly what: 'detach'; readonly version: number; readonly path: Path }
  | { readonly what: 'take'; readonly version: number; readonly token: string }
  | { readonly what: 'attach'; readonly version: number; readonly path: Path }
  | { readonly what: 'release'; readonly version: number; readonly path: Path }
  | { readonly what: 'move' | 'make whole'; readonly from: Path }
  | { readonly what: 'exchange'; readonly version: number | undefined; readonly path: Path; readonly mark: string }
  | { readonly what: 'fence' }
  | { readonly what: 'delete'; readonly path: Path }
  | { readonly what: 'destroy' }
  | { readonly what: 'publish'; readonly version: number | undefined }
);

export type Reply =
  | 'done'
  | 'ConcurrentAccess'
  | 'ManagedObjectNotFound'
  | 'TaskInProgress'
  | 'InvalidState'
  | 'FileNotFound'
  | 'FileAlreadyExists'
  | 'InvalidDatastore';

/** Does what a call says, at once. */
export function perform(world: World, call: Call): Reply {
  const { backing, temporary, files } = world;
  if (call.names !== undefined && call.names !== world.names) return 'InvalidDatastore';
  if ('version' in call && call.what !== 'exchange') {
    if (!temporary.exists) return 'ManagedObjectNotFound';
    if (temporary.leased) return 'TaskInProgress';
    if (call.version !== undefined && call.version !== temporary.version) return 'ConcurrentAccess';
    temporary.version++;
  }
  switch (call.what) {
    case 'complete':
      if (!temporary.exists || !temporary.leased) return 'InvalidState';
      temporary.leased = false;
      return 'done';
    case 'abort':
      if (!temporary.exists || !temporary.leased) return 'InvalidState';
      endTemporary(world);
      return 'done';
    case 'detach':
      temporary.disks = temporary.disks.filter((path) => path !== call.path);
      temporary.imported = call.path;
      return 'done';
    case 'take':
      temporary.token = call.token;
      return 'done';
    case 'release':
      temporary.disks = temporary.disks.filter((path) => path !== call.path);
      return 'done';
    case 'attach':
      if (files[call.path] === undefined) {
        temporary.version--;
        return 'FileNotFound';
      }
      temporary.disks.push(call.path);
      return 'done';
    case 'move':
      if (files[call.from] === undefined) return 'FileNotFound';
      if (files.NN !== undefined) return 'FileAlreadyExists';
      moveFile(world, call.from, 'NN');
      return 'done';
    case 'make whole':
      if (files[call.from] === undefined) return 'FileNotFound';
      files[call.from] = 'whole';
      return 'done';
    case 'exchange':
      if (call.version !== undefined && call.version !== backing.version) return 'ConcurrentAccess';
      if (files[call.path] === undefined) return 'FileNotFound';
      backing.removed = backing.disk;
      backing.disk = call.path;
      backing.mark = call.mark;
      backing.version++;
      return 'done';
    case 'fence':
      backing.version++;
      return 'done';
    case 'delete':
      if (files[call.path] === undefined) return 'FileNotFound';
      delete files[call.path];
      return 'done';
    case 'destroy':
      if (!temporary.exists) return 'ManagedObjectNotFound';
      if (temporary.leased) return 'TaskInProgress';
      endTemporary(world);
      return 'done';
    case 'publish':
      temporary.token = '';
      return 'done';
  }
}

/** The temporary VM goes, with the disks attached to it. */
export function endTemporary({ temporary, files }: World): void {
  for (const path of temporary.disks) delete files[path];
  temporary.exists = false;
  temporary.leased = false;
  temporary.disks = [];
}

export function moveFile({ files }: World, from: Path, to: Path): void {
  const content = files[from];
  if (content !== undefined) files[to] = content;
  delete files[from];
}
