import sax from 'sax';
import { VimProtocolError } from '../../errors/index.js';
import { type ElementAttributes, type ElementDecoder, Misfit } from '../codec/index.js';
import { NoEnvelopeError, type ReplySink } from '../http/reply-sink.js';
import type { MethodName } from '../schema/index.js';
import { envelopeDecoder, type Reply } from './envelope-decoder.js';

/** No reply of vim25 is nested nearly so deep; fault causes and snapshot trees are the deepest. */
const maxDepth = 200;

/** No reply this library asks for has nearly so many elements. */
const maxElements = 1_000_000;

/** No element of vim25 has more than a few attributes; each costs more than a short element. */
const maxAttributes = 10_000;

/** The longest start of a declaration that can still become a comment or a CDATA section: `[CDATA[`. */
const longestDeclaration = 7;

/**
 * Reads a SOAP envelope as its text comes in, in one pass, and decodes it on the way: elements that nobody wants leave
 * nothing behind. References between elements (`id`, `href`) and document types mean nothing in vim25 and are not followed
 * or refused. It takes time and memory in proportion to the text at most.
 */
export class ReplyReader implements ReplySink {
  readonly #method: MethodName;
  readonly #parser = sax.parser(true, {});
  readonly #open: { readonly name: string; readonly decoder: ElementDecoder | undefined }[] = [];
  #elements = 0;
  /** Of the tag that is being read. */
  #attributes = 0;
  #reply: Reply | undefined;

  constructor(method: MethodName) {
    this.#method = method;
    const parser = this.#parser;
    parser.onerror = (error) => {
      // Servers send references to characters that XML does not have (`&#0;`): they stay as they are.
      if (!error.message.startsWith('Invalid character entity')) throw error;
      parser.resume();
    };
    parser.ondoctype = () => {
      throw new Misfit('a document type declaration');
    };
    parser.onsgmldeclaration = () => {
      throw new Misfit('a declaration');
    };
    parser.onattribute = () => {
      if (++this.#attributes > maxAttributes) throw new Misfit(`more than ${maxAttributes} attributes`);
    };
    parser.onopentag = (tag) => {
      this.#attributes = 0;
      this.#begin(localName(tag.name), attributesOf(tag as sax.Tag));
    };
    parser.onclosetag = () => {
      this.#end();
    };
    const text = (data: string): void => {
      this.#open.at(-1)?.decoder?.text(data);
    };
    parser.ontext = text;
    parser.oncdata = text;
  }

  write(text: string): void {
    // What follows the envelope is none of it.
    if (this.#isRead()) return;
    try {
      this.#parser.write(text);
      // A declaration that goes on and on is looked at anew with each of its characters.
      const { sgmlDecl } = this.#parser as unknown as { readonly sgmlDecl: string };
      if (sgmlDecl.length > longestDeclaration) throw new Misfit('a declaration');
    } catch (error) {
      if (!this.#isRead()) throw this.#errorOf(error);
    }
  }

  end(): void {
    if (this.#reply === undefined) throw new NoEnvelopeError();
  }

  /** What the envelope says; `undefined` until it was read. */
  get reply(): Reply | undefined {
    return this.#reply;
  }

  #isRead(): boolean {
    return this.#reply !== undefined;
  }

  #begin(name: string, attributes: ElementAttributes): void {
    if (this.#open.length === maxDepth) throw new Misfit(`more than ${maxDepth} levels of elements`);
    if (++this.#elements > maxElements) throw new Misfit(`more than ${maxElements} elements`);
    const parent = this.#open.at(-1);
    if (parent === undefined && name !== 'Envelope') throw new NoEnvelopeError();
    try {
      const decoder = parent === undefined ? envelopeDecoder(this.#method) : parent.decoder?.child(name, attributes);
      this.#open.push({ name, decoder });
    } catch (error) {
      throw error instanceof Misfit ? error.within(parent?.decoder?.pathOf(name) ?? '') : error;
    }
  }

  #end(): void {
    const { name, decoder } = this.#open.at(-1) ?? {};
    const value = decoder?.end();
    this.#open.pop();
    const parent = this.#open.at(-1);
    if (parent === undefined) this.#reply = value as Reply;
    else if (decoder !== undefined && name !== undefined) parent.decoder?.take(name, value);
  }

  #errorOf(error: unknown): Error {
    if (error instanceof NoEnvelopeError) return error;
    const isInEnvelope = this.#open.length > 0;
    if (!isInEnvelope) return new NoEnvelopeError();
    if (!(error instanceof Misfit)) return new VimProtocolError(`${this.#method}: the reply is not well-formed XML`);
    // The path begins within the answer: `RetrievePropertiesEx.returnval.objects[0]`.
    const [, , , ...path] = this.#open.map(({ name }, level) => this.#open[level - 1]?.decoder?.pathOf(name) ?? '');
    for (const part of path.reverse()) error.within(part);
    return error.toError(this.#method);
  }
}

function attributesOf({ attributes }: sax.Tag): ElementAttributes {
  let type: string | undefined;
  let xsiType: string | undefined;
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'type') type = value;
    else if (name.endsWith(':type')) xsiType ??= localName(value.trim());
  }
  return { type, xsiType };
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}
