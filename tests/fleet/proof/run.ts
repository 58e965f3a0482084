// The proof of tests/fleet/proof.test.ts in any size: npm run fleet:proof -- --volumes 300 --vcenters 3 --workers 4 --kills 50
import { parseArgs } from 'node:util';
import { prove } from './proof.js';

const { values } = parseArgs({
  options: {
    volumes: { type: 'string', default: '300' },
    vcenters: { type: 'string', default: '3' },
    workers: { type: 'string', default: '4' },
    kills: { type: 'string', default: '50' },
  },
});
const number = (text: string): number => Number.parseInt(text, 10);
const findings = await prove(
  {
    volumes: number(values.volumes),
    vcenters: number(values.vcenters),
    workers: number(values.workers),
    kills: number(values.kills),
  },
  (line) => {
    console.error(line);
  },
);
console.log(JSON.stringify(findings, undefined, 2));
process.exitCode = findings.problems.length === 0 ? 0 : 1;
