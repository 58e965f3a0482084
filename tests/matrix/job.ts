import type { WorkerPool } from '../support/worker-pool.js';
import type { CrashPoint } from './crash-case.js';
import type { Interruption } from './interruption.js';
import type { ModelReport } from './model.js';
import type { OthersCase } from './others/others-case.js';
import type { OthersVerdict } from './others/run-others-case.js';
import type { Recording } from './record.js';
import type { Scenario } from './scenario.js';
import type { Verdict } from './verdict.js';

/** One thing for a worker to do. */
export type Job =
  | { readonly type: 'record'; readonly scenario: Scenario }
  | { readonly type: 'fault'; readonly scenario: Scenario; readonly interruption: Interruption }
  | { readonly type: 'crash'; readonly scenario: Scenario; readonly point: CrashPoint }
  | { readonly type: 'others'; readonly scenario: Scenario; readonly others: OthersCase }
  | { readonly type: 'model'; readonly seed: number; readonly runs: number };

export interface JobResults {
  readonly record: Recording;
  /** `undefined`: the interruption found no moment to happen in. */
  readonly fault: Verdict | undefined;
  readonly crash: Verdict | undefined;
  /** `undefined`: the moment did not come. */
  readonly others: OthersVerdict | undefined;
  readonly model: ModelReport;
}

/** The processes that do them. */
export type MatrixPool = WorkerPool<Job, JobResults>;
