import type { MatrixLab, Subject } from './lab.js';
import type { Findings } from './verdict.js';

/**
 * Watches that a volume which has a backing has exactly one disk whenever a call was answered: not only once all is over,
 * when recovery may have put back what was missing for a while.
 */
export function watchVolume(lab: MatrixLab, { before, volume }: Subject, findings: Findings): Disposable {
  let seen = false;
  const stop = lab.simulator.onCall(({ phase, call }) => {
    if (before === undefined || seen || phase === 'before') return;
    const disks = lab.vmsOf(volume).flatMap((vm) => vm.disks);
    if (disks.length === 1) return;
    seen = true;
    findings.lost.push(`when ${call.method} was answered the volume had ${disks.length} disks`);
  });
  return { [Symbol.dispose]: stop };
}
