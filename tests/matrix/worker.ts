/** A process that runs the cases it is sent, several at a time: most of a case is waiting. */
import { answerJobs } from '../support/answer-jobs.js';
import { runCrashCase } from './crash-case.js';
import { shortenPauses } from './fast-time.js';
import { runFaultCase } from './fault-case.js';
import type { Job } from './job.js';
import { LabPool } from './lab-pool.js';
import { checkModel } from './model.js';
import { OtherMachine } from './others/other-machine.js';
import { runOthersCase } from './others/run-others-case.js';
import { record } from './record.js';
import { VictimPool } from './victim-pool.js';
import { removeVictimProgram } from './victim-program.js';

shortenPauses();
const labs = new LabPool();
const victims = new VictimPool();
const otherMachine = new OtherMachine();

function run(job: Job): Promise<unknown> {
  switch (job.type) {
    case 'record':
      return labs.use(job.scenario.mode, (lab) => record(lab, job.scenario));
    case 'fault':
      return labs.use(job.scenario.mode, (lab) => runFaultCase(lab, job.scenario, job.interruption));
    case 'crash':
      return labs.use(job.scenario.mode, (lab) => runCrashCase(lab, victims, job.scenario, job.point));
    case 'others':
      return labs.use(job.scenario.mode, (lab) => runOthersCase(lab, otherMachine, job.scenario, job.others));
    case 'model':
      return checkModel(job.seed, job.runs);
  }
}

answerJobs(run);

// The planner is done, or gone.
process.on('disconnect', () => {
  victims[Symbol.dispose]();
  otherMachine[Symbol.dispose]();
  void Promise.allSettled([labs[Symbol.asyncDispose](), removeVictimProgram()]).then(() => process.exit());
});
