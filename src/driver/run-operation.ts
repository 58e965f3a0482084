import { AsyncResource } from 'node:async_hooks';
import { performance } from 'node:perf_hooks';
import { type Phase, throwIfAborted, VmdkDriverError } from '../errors/index.js';
import { guardLogger, type Logger } from '../logger.js';
import type { ResolvedConfig } from '../operation/driver-config.js';
import { guardBackupService } from '../operation/guarded-service.js';
import { guardVimSession } from '../operation/guarded-session.js';
import { Leftovers } from '../operation/leftovers.js';
import type { Operation } from '../operation/operation.js';
import type { OperationOptions } from '../operation/options.js';
import { type OperationName, ProgressReporter } from '../operation/progress.js';
import { traceOperation } from '../operation/tracing.js';
import type { TransferSlots } from '../operation/transfer-slots.js';
import type { BackupService } from '../services/backup-service.js';
import { mainThread } from '../vim/main-thread.js';
import type { VimSession } from '../vim/vim-session.js';
import { asTemporaryFileError } from './temporary-file.js';
import { lockVolume } from './volume-locks.js';

/** What a driver has for all of its operations. */
export interface DriverMeans {
  readonly vim: VimSession;
  readonly backupService: BackupService;
  readonly config: ResolvedConfig;
  readonly logger: Partial<Logger>;
  readonly slots: TransferSlots;
}

/** What is asked for. */
export interface OperationRequest<T> {
  readonly name: OperationName;
  readonly volumeId?: string | undefined;
  readonly backupId?: string | undefined;
  /** Whether no other operation may work on the volume meanwhile. */
  readonly exclusive?: boolean;
  readonly options: OperationOptions;
  /** What to warn about in the arguments. */
  readonly warnings?: readonly string[];
  /** How many bytes of a stream the result stands for. */
  readonly bytesOf?: (result: T) => number;
}

/**
 * Runs one operation: it is published, what was injected is guarded, the volume is locked, beginning and end are logged with what
 * moved, and whatever it fails with knows the phase, and what may be left.
 */
export function runOperation<T>(
  means: DriverMeans,
  request: OperationRequest<T>,
  work: (operation: Operation) => Promise<T>,
): Promise<T> {
  const { name, volumeId, backupId } = request;
  const about = { operation: name, ...(volumeId && { volumeId }), ...(backupId && { backupId }) };
  // Whoever starts hundreds at once has them begin over several turns of the event loop, each in the context it was asked for in.
  return traceOperation({ ...about }, () => {
    const context = new AsyncResource('VmdkDriverOperation');
    return mainThread.run(() => context.runInAsyncScope(runLogged<T>, undefined, means, request, about, work));
  });
}

async function runLogged<T>(
  { vim, backupService, config, slots, ...means }: DriverMeans,
  { name, volumeId, exclusive = false, options, warnings = [], bytesOf }: OperationRequest<T>,
  about: object,
  work: (operation: Operation) => Promise<T>,
): Promise<T> {
  const logger = guardLogger(means.logger, about);
  const signal = options.signal ?? new AbortController().signal;
  const session = guardVimSession(vim, { signal });
  using progress = new ProgressReporter(name, options.onProgress, logger);
  const leftovers = new Leftovers();
  const startedAt = performance.now();
  logger.info({}, `${name} begins`);
  for (const warning of warnings) logger.warn({}, warning);
  try {
    throwIfAborted(signal);
    using _lock = exclusive && volumeId !== undefined ? lockVolume(serverOf(session), volumeId) : undefined;
    const operation = {
      vim: session,
      backupService: guardBackupService(backupService, { signal, logger }),
      config,
      logger,
      slots,
      progress,
      leftovers,
      signal,
    };
    const result = await work(operation);
    logger.info(figures(startedAt, bytesOf?.(result)), `${name} ended`);
    return result;
  } catch (error) {
    const failure = duringPhase(progress.phase, asTemporaryFileError(error, config.tmpDir));
    leftovers.tellBy(failure);
    const aborted = failure instanceof VmdkDriverError && failure.code === 'ABORTED';
    logger[aborted ? 'info' : 'error'](
      { ...figures(startedAt), err: failure },
      `${name} ${aborted ? 'was aborted' : 'failed'}`,
    );
    throw failure;
  }
}

/** What tells a vCenter or ESXi host from others. */
function serverOf({ serviceContent, host, port }: VimSession): string {
  return serviceContent.about.instanceUuid ?? `${host}:${port}`;
}

/** How long it took, and how fast bytes moved. */
function figures(startedAt: number, bytes?: number): Readonly<Record<string, number>> {
  const seconds = Math.max(1, Math.round(performance.now() - startedAt)) / 1000;
  return { ...(bytes === undefined ? {} : { bytes, bytesPerSecond: Math.round(bytes / seconds) }), seconds };
}

/** Notes where an error came up, unless it knows. */
function duringPhase(phase: Phase, error: unknown): unknown {
  if (error instanceof VmdkDriverError) error.phase ??= phase;
  return error;
}
