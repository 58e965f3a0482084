import { Readable } from 'node:stream';
import { expect, test } from '@jest/globals';
import { exitCodes, outcomeOf } from '../../src/cli/exit-codes.js';
import { waitForJob } from '../../src/cli/job-lines.js';
import type { Run } from '../../src/cli/perform.js';
import type { Fleet } from '../../src/fleet/index.js';
import { toJobError } from '../../src/fleet/job-error.js';
import { type ErrorCode, StoreError, type StoreFailure } from '../../src/index.js';

/** What a process ends with by an error of each code: one that stays, and one that is retryable. */
const exitCodesOf = {
  ABORTED: [130, 130],
  BACKING_IN_USE: [3, 3],
  BACKING_INVALID: [1, 3],
  BACKUP_CORRUPT: [4, 3],
  BACKUP_NOT_FOUND: [1, 3],
  BACKUP_SERVICE_FAILED: [1, 3],
  FILE_FAILED: [1, 3],
  INVALID_INPUT: [2, 2],
  INVALID_LOGIN: [5, 5],
  INVALID_VMDK: [4, 3],
  LEASE_FAILED: [1, 3],
  NO_TEMPORARY_SPACE: [1, 3],
  NO_VALID_DATASTORE: [1, 3],
  NO_VALID_HOST: [1, 3],
  OBJECT_NOT_FOUND: [1, 3],
  OWNERSHIP_LOST: [1, 3],
  REPOSITORY_DAMAGED: [4, 3],
  RESTORE_FAILED: [1, 3],
  STORE_FAILED: [1, 3],
  TEMPORARY_DIRECTORY_UNUSABLE: [1, 3],
  THREAD_FAILED: [1, 3],
  TLS_VERIFICATION_FAILED: [5, 5],
  TRANSFER_FAILED: [1, 3],
  TRANSFER_STALLED: [1, 3],
  UNSUPPORTED_BACKUP: [4, 3],
  VIM_CONNECTION_FAILED: [5, 5],
  VIM_FAULT: [1, 3],
  VIM_PROTOCOL: [1, 3],
  VOLUME_BUSY: [3, 3],
  VOLUME_HAS_SNAPSHOTS: [1, 3],
  VOLUME_TOO_SMALL: [1, 3],
  WRONG_KEY: [5, 5],
} as const satisfies Record<ErrorCode, readonly [number, number]>;

test.each(Object.entries(exitCodesOf))('%s is worth another try where it is retryable', (code, [stays, passes]) => {
  expect(exitCodes[outcomeOf({ code, retryable: false })]).toBe(stays);
  expect(exitCodes[outcomeOf({ code, retryable: true })]).toBe(passes);
});

const storeFailures = {
  credentials: 5,
  denied: 5,
  connection: 5,
  tls: 5,
  throttled: 3,
  unavailable: 3,
  stalled: 3,
  integrity: 3,
  'clock-skew': 1,
  'no-container': 1,
  quota: 1,
  'too-large': 1,
  'no-retention': 1,
  retained: 1,
  protocol: 1,
  failed: 1,
} as const satisfies Record<StoreFailure, number>;

test.each(Object.entries(storeFailures))(
  'a store that fails with %s ends a command and a job the same',
  (reason, code) => {
    const error = new StoreError(reason as StoreFailure, 'the store failed');
    expect(exitCodes[outcomeOf(error)]).toBe(code);
    expect(exitCodes[outcomeOf(toJobError(error))]).toBe(code);
  },
);

test.each([
  ['recovered', 'done'],
  ['failed', 'failed'],
])('waiting for a recovery with a restore that is %s ends as the recovery does', async (outcome, wanted) => {
  const result = { restores: [{ outcome }], temporaryFiles: [] };
  const job = { id: '1', kind: 'recover', vcenter: 'vc1', state: 'done', attempts: 1, enqueuedAt: '', result };
  const fleet = { watch: () => Readable.from([job]) } as unknown as Fleet;
  const run = { signal: new AbortController().signal, output: { result: () => undefined } } as unknown as Run;
  expect(await waitForJob(fleet, '1', run)).toBe(wanted);
});

test('a job that failed with an error of nobody’s has failed', () => {
  expect(outcomeOf(toJobError(new Error('no reason')))).toBe('failed');
});
