// Builds dist: the declarations, the ES modules and the CommonJS modules of every entry point, and the examples.
import { rmSync, writeFileSync } from 'node:fs';
import { buildCommonjs, buildEsm } from './build/bundles.mjs';
import { buildDeclarations } from './build/declarations.mjs';
import { buildExamples } from './build/examples.mjs';
import { thirdPartyLicences } from './build/third-party-licences.mjs';

const dist = new URL('../dist/', import.meta.url);

// A file that was renamed must not live on in the package.
rmSync(dist, { recursive: true, force: true });
buildDeclarations();
buildExamples();
const included = [...(await buildEsm()), ...(await buildCommonjs())];
writeFileSync(new URL('THIRD-PARTY-LICENCES.txt', dist), thirdPartyLicences(included));
// The package's own `type: module` does not hold for this half.
writeFileSync(new URL('cjs/package.json', dist), '{ "type": "commonjs" }\n');
