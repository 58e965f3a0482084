import { promisify } from 'node:util';
import { inflate, type ZlibOptions } from 'node:zlib';
import { ByteReader } from '../format/varint.js';
import { markerOf, operation } from './recipe.js';

/** One operation of a recipe. */
export type RecipeStep =
  | { readonly kind: 'verbatim' | 'padding'; readonly bytes: Buffer }
  | { readonly kind: 'grains'; readonly count: number }
  | { readonly kind: 'told'; readonly marker: number }
  | { readonly kind: 'progress'; readonly sector: number };

/** A piece is 1 MiB and the operation that filled it. */
const maxPieceBytes = 4 * 1024 * 1024;

const inflated = promisify<Uint8Array, ZlibOptions, Buffer>(inflate);

/**
 * The steps of one piece of a recipe, one by one: there may be a million.
 *
 * @throws RangeError, or zlib's error, where the bytes are no recipe
 */
export async function* readRecipe(piece: Uint8Array): AsyncGenerator<RecipeStep, void, undefined> {
  const reader = new ByteReader(await inflated(piece, { maxOutputLength: maxPieceBytes }));
  while (!reader.atEnd) yield readStep(reader);
}

function readStep(reader: ByteReader): RecipeStep {
  const code = reader.varint();
  switch (code) {
    case operation.verbatim:
      return { kind: 'verbatim', bytes: reader.take(reader.varint()) };
    case operation.padding:
      return { kind: 'padding', bytes: reader.take(reader.varint()) };
    case operation.grains:
      return { kind: 'grains', count: reader.varint() };
    case operation.progress:
      return { kind: 'progress', sector: reader.varint() };
    default: {
      const marker = markerOf.get(code);
      if (marker === undefined) throw new RangeError(`a recipe has an unknown operation ${code}`);
      return { kind: 'told', marker };
    }
  }
}
