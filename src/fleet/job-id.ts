import { createHash, randomUUID } from 'node:crypto';
import { InvalidInputError } from '../index.js';
import type { JobRequest } from './job-request.js';

/** Where a job is: its vCenter, which names the queue, and its id there. */
export interface JobAddress {
  readonly vcenter: string;
  readonly queueId: string;
}

/** Not in any vCenter's name. */
const separator = '~';

/**
 * The id of a job in its queue. BullMQ takes no id with a colon, nor a plain integer, and long ones are long keys: what is asked for
 * is hashed.
 */
export function queueIdOf(request: JobRequest, requestId: string | undefined, isSchedule = false): string {
  const named = requestId === undefined ? defaultRequest(request, isSchedule) : ['request', requestId];
  const digest = createHash('sha256')
    .update(JSON.stringify(isSchedule ? ['schedule', ...named] : named))
    .digest('hex');
  return `${request.kind}-${digest.slice(0, 32)}`;
}

/** A job's id as the application knows it. It tells where the job is. */
export function formatJobId({ vcenter, queueId }: JobAddress): string {
  return `${vcenter}${separator}${queueId}`;
}

/** @throws InvalidInputError */
export function parseJobId(id: string): JobAddress {
  const [, vcenter, queueId] = /^([\w.-]{1,200})~([\w:-]{1,200})$/.exec(id) ?? [];
  if (vcenter === undefined || queueId === undefined) throw new InvalidInputError('id', 'is not the id of a job');
  return { vcenter, queueId };
}

/** The id that BullMQ gives a schedule's run. */
export function runId(scheduleId: string, dueMs: number): string {
  return `repeat:${scheduleId}:${dueMs}`;
}

/** Whether a job is a run of this schedule. */
export function isRunOf(queueId: string, scheduleId: string): boolean {
  return queueId.startsWith(`repeat:${scheduleId}:`);
}

/** When a scheduled run was due, by its id. `undefined` for any other job. */
export function dueAt(queueId: string): Date | undefined {
  const [, milliseconds] = /^repeat:.*:(\d{1,15})$/.exec(queueId) ?? [];
  return milliseconds === undefined ? undefined : new Date(Number(milliseconds));
}

function defaultRequest(request: JobRequest, isSchedule: boolean): readonly (string | undefined)[] {
  switch (request.kind) {
    case 'backup':
    case 'restore':
      return [request.backup?.id, request.volume.id];
    case 'verify':
      return [request.backup.id, request.backup.volumeId];
    case 'recover':
      return isSchedule ? [] : [randomUUID()];
    case 'retention':
      return isSchedule ? [request.volumeId] : [randomUUID()];
  }
}
