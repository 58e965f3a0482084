import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackupCorruptError, type BackupService, type Logger } from '../../../src/index.js';
import { hostileError } from '../../support/hostile-error.js';
import type { Random } from './random.js';

type Method = (...args: never[]) => unknown;

const frozen = Object.freeze(new BackupCorruptError('frozen, and always the same'));

/** What may be thrown. */
function oddError(random: Random): unknown {
  return random.pick<() => unknown>([
    () => new Error('the store is down'),
    () => Object.assign(new Error('reset'), { code: 'ECONNRESET' }),
    () => 'a text',
    () => undefined,
    () => null,
    () => frozen,
    () => Object.create(null) as unknown,
    hostileError,
  ])();
}

/** What may be resolved to where something else is expected. */
function oddValue(random: Random): unknown {
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  return random.pick<unknown>([
    null,
    'text',
    7n,
    [],
    { a: () => 1 },
    circle,
    JSON.parse('{"__proto__":{}}'),
    { n: NaN },
    { ok: true },
  ]);
}

/** A method as it is, or one that does something else now and then. */
export function odd(random: Random, method: Method): Method {
  const ways: readonly [Method, ...Method[]] = [
    method,
    method,
    method,
    method,
    () => {
      throw oddError(random);
    },
    async () => {
      throw oddError(random);
    },
    () => oddValue(random),
    async () => oddValue(random),
    // Never answers, nor heeds its signal.
    () => new Promise(() => undefined),
    async (...args) => {
      await sleep(random.below(200));
      return method(...args);
    },
    // Long after anybody waits for it.
    async () => {
      await sleep(11_000 + random.below(500), undefined, { ref: false });
      throw oddError(random);
    },
    async (...args) => {
      await method(...args);
      throw oddError(random);
    },
  ];
  return random.pick(ways);
}

/** A stream, or something in its place. */
export function oddStream(random: Random, stream: Readable): unknown {
  return random.pick<() => unknown>([
    () => stream,
    () => stream,
    () => Readable.toWeb(stream),
    () => stream[Symbol.asyncIterator](),
    () => Readable.from(stream),
    () => {
      setTimeout(() => stream.destroy(new Error('broke off')), random.below(20));
      return stream;
    },
    () => {
      // After its end, too.
      setTimeout(() => stream.emit('error', new Error('late')), random.below(300));
      return stream;
    },
    () => {
      stream.destroy();
      return Readable.from(['text']);
    },
    () => {
      stream.destroy();
      return new Readable({ read: () => undefined });
    },
    () => {
      stream.destroy();
      return oddValue(random);
    },
  ])();
}

/** A service that does what it should, but for one or two things. */
export function oddService(random: Random, service: BackupService): BackupService {
  const chosen = new Set(Array.from({ length: 1 + random.below(2) }, () => random.below(8)));
  const as = (index: number, method: Method): Method => (chosen.has(index) ? odd(random, method) : method);
  const streams = random.chance(0.6);
  const made = {
    backup: as(0, service.backup.bind(service)),
    restore: as(1, service.restore.bind(service)),
    readManifest: as(2, service.readManifest?.bind(service) as Method),
    ...(streams && {
      openBackup: as(3, async (...args: Parameters<NonNullable<BackupService['openBackup']>>) => {
        const writer = (await service.openBackup?.(...args))!;
        return {
          write: as(4, writer.write.bind(writer)),
          commit: as(5, writer.commit.bind(writer)),
          abort: as(6, writer.abort.bind(writer)),
        };
      }),
      openRestore: async (...args: Parameters<NonNullable<BackupService['openRestore']>>) => {
        const { stream, length } = (await service.openRestore?.(...args))!;
        return { stream: chosen.has(7) ? oddStream(random, stream) : stream, length };
      },
    }),
  };
  return made as unknown as BackupService;
}

/** A logger that is not to be relied on. */
export function oddLogger(random: Random): Partial<Logger> {
  const fail = (): never => {
    throw new Error('the log is full');
  };
  const reject = () => Promise.reject(new Error('the log is far away')) as unknown as undefined;
  return random.pick<Partial<Logger>>([{}, { info: fail, warn: fail }, { debug: reject, info: reject, error: reject }]);
}

/** A listener that is not to be relied on. */
export function oddListener(random: Random): () => void {
  return random.pick<() => void>([
    () => undefined,
    () => {
      throw new Error('the progress bar is broken');
    },
    () => Promise.reject(new Error('the progress bar is far away')) as unknown as undefined,
  ]);
}
