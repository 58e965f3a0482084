// Both copies of the package in one process, as happens where a host is half ESM and half CommonJS.
import { createRequire } from 'node:module';
import * as esm from 'vmdk-driver';

const commonjs = createRequire(import.meta.url)('vmdk-driver');
const tell = (makers, judges) => {
  const error = new makers.AbortError({ reason: 'enough' });
  return {
    base: error instanceof judges.VmdkDriverError,
    same: error instanceof judges.AbortError,
    other: error instanceof judges.VimFault,
    code: error.code,
  };
};
console.log(
  JSON.stringify({
    twoCopies: esm.AbortError !== commonjs.AbortError,
    esmSeenByCommonjs: tell(esm, commonjs),
    commonjsSeenByEsm: tell(commonjs, esm),
  }),
);
