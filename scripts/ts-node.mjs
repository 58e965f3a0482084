// Lets Node run the project's TypeScript files as they are: node --import ./scripts/ts-node.mjs <file.ts>
// `ts-node` and `ts-node --esm` themselves fail in a `type: module` package on Node 20.
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';

// Both are read in ts-node's own thread, which starts with `register`. The project is named so that any
// working directory does.
process.env['TS_NODE_PROJECT'] ??= fileURLToPath(new URL('../tsconfig.json', import.meta.url));
register('ts-node/esm', import.meta.url);
// The examples import the package by its name: here that is its sources.
register('./package-as-sources.mjs', import.meta.url);
// ts-node's own stack mapping would happen in that thread, too far from the program's errors.
process.setSourceMapsEnabled(true);
