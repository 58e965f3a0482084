import type { SimulatorMode } from '../../src/simulator/index.js';

/** What the driver is asked to do. */
export const works = [
  'backup',
  'backup, no backing',
  'restore to existing',
  'restore to larger existing',
  'restore to new',
  'restore to larger new',
] as const;
export type Work = (typeof works)[number];

const modes: readonly SimulatorMode[] = ['vcenter', 'esxi'];
const transfers = ['file', 'stream'] as const;
export type TransferPath = (typeof transfers)[number];

/** One kind of work, on one kind of server, by one path. */
export interface Scenario {
  readonly work: Work;
  readonly mode: SimulatorMode;
  readonly transfer: TransferPath;
}

export const scenarios: readonly Scenario[] = works.flatMap((work) =>
  modes.flatMap((mode) => transfers.map((transfer) => ({ work, mode, transfer }))),
);

export function nameOf({ work, mode, transfer }: Scenario): string {
  return `${work} · ${mode} · ${transfer}`;
}

export function isRestore({ work }: Pick<Scenario, 'work'>): boolean {
  return work.startsWith('restore');
}
