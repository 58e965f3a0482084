/**
 * A fleet: any number of workers that share a queue of backups and restores, on BullMQ and Redis.
 *
 * @packageDocumentation
 */
export { createFleet } from './create-fleet.js';
export type { Cancellation, Fleet, FleetOptions, JobCounts, JobFilter } from './fleet.js';
export type { FleetDriver, FleetRepository } from './fleet-driver.js';
export type { FleetJob, JobProgress, JobState } from './fleet-job.js';
export type { JobError } from './job-error.js';
export type { Cron, JobOrder, Scheduling } from './job-order.js';
export type {
  BackupReference,
  BackupRequest,
  JobKind,
  JobRequest,
  RecoverRequest,
  RestoreRequest,
  RetentionRequest,
  VerifyRequest,
} from './job-request.js';
export type { JobResult, JobResults } from './job-result.js';
export type { LastBackup } from './last-backups.js';
export type { RedisConnection, RedisTls } from './redis-connection.js';
export { createMetrics, type FleetMetrics } from './metrics.js';
export { serveMetrics, type MetricsServer, type MetricsServerOptions } from './serve-metrics.js';
export { startWorker, type CloseOptions, type FleetWorker, type FleetWorkerOptions } from './start-worker.js';
