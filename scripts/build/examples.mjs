import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from './entry-points.mjs';

/** Writes dist/examples: the examples as any Node runs them. */
export function buildExamples() {
  const target = join(root, 'dist', 'examples');
  mkdirSync(target, { recursive: true });
  for (const name of readdirSync(join(root, 'examples'))) {
    const { outputText } = ts.transpileModule(readFileSync(join(root, 'examples', name), 'utf8'), {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
    });
    writeFileSync(join(target, name.replace(/\.ts$/, '.js')), outputText);
  }
}
