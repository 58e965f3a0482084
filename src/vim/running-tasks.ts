import { serviceInstance } from './look-again.js';
import { managerOf } from './managers.js';
import { readProperties, readPropertiesOfEach } from './property-collector.js';
import type { MoRef, PropertiesOf } from './schema/index.js';
import type { VimSession } from './vim-session.js';

/** How far a task's time may lie before that of the call that started it, in milliseconds. */
const clockSlackMs = 10_000;

const taskProperties = ['info.state', 'info.descriptionId', 'info.queueTime', 'info.reason'] as const;
type TaskFacts = PropertiesOf<'Task', (typeof taskProperties)[number]>;

/**
 * An object's tasks that have not ended and may be doing something for this session. A VM of ours is ours alone: all of
 * its tasks count, but for exports, which change nothing. A folder and the task manager show everybody's, which may run
 * for hours: of those count only the ones of this session's user that are young enough, of the task manager's only those
 * of virtual disks.
 *
 * @param ageMs how long ago such a task may have been started, in milliseconds; any time where absent
 * @throws VimFault, VimConnectionError where a VM's task cannot be read: it may be running
 */
export async function runningTasks(vim: VimSession, on: MoRef, ageMs?: number): Promise<MoRef[]> {
  const ofManager = on.type === 'TaskManager';
  const type = ofManager ? 'TaskManager' : 'ManagedEntity';
  const { recentTask = [] } = await readProperties(vim, on, type, ['recentTask']);
  if (recentTask.length === 0) return [];
  const { found, unreadable } = await readPropertiesOfEach(vim, recentTask, 'Task', taskProperties);
  const isShared = on.type !== 'VirtualMachine';
  // Of others' tasks, those that may not be read are certainly theirs.
  const [unknown] = isShared ? [] : unreadable;
  if (unknown !== undefined) throw unknown.error;
  const running = found.filter(({ properties }) => !isOver(properties) && mayMatter(properties, ofManager));
  if (!isShared || running.length === 0) return running.map(({ ref }) => ref);
  const isOurs = await ownership(vim, ageMs);
  return running.filter(({ properties }) => isOurs(properties)).map(({ ref }) => ref);
}

function isOver({ 'info.state': state }: TaskFacts): boolean {
  return state === 'success' || state === 'error';
}

function mayMatter({ 'info.descriptionId': id }: TaskFacts, ofManager: boolean): boolean {
  return ofManager ? id.includes('VirtualDiskManager.') : !/\.export/i.test(id);
}

/** Tells by user and by the server's clock whether a task may be this session's own. */
async function ownership(vim: VimSession, ageMs: number | undefined): Promise<(task: TaskFacts) => boolean> {
  const { currentSession } = await readProperties(vim, managerOf(vim, 'sessionManager'), 'SessionManager', [
    'currentSession',
  ]);
  const user = currentSession?.userName.toLowerCase();
  const now = Date.parse(await vim.invoke('CurrentTime', serviceInstance, {}));
  const notBefore = ageMs === undefined ? undefined : now - ageMs - clockSlackMs;
  return ({ 'info.reason': reason, 'info.queueTime': queuedAt }) => {
    const isAnothers =
      user !== undefined && reason?._type === 'TaskReasonUser' && reason.userName.toLowerCase() !== user;
    // A time that cannot be read compares as false.
    const isOlder = notBefore !== undefined && Date.parse(queuedAt) < notBefore;
    return !isAnothers && !isOlder;
  };
}
