import sax from 'sax';
import { StoreError } from '../../errors/index.js';

/** An element without its attributes and namespace. */
export interface XmlElement {
  readonly name: string;
  readonly text: string;
  readonly children: readonly XmlElement[];
}

interface OpenElement {
  name: string;
  text: string;
  children: OpenElement[];
}

const maxDepth = 16;

/**
 * Reads an answer's XML as it comes, so that a long list does not hold the thread up.
 *
 * @throws StoreError where it is not XML
 */
export async function readXml(chunks: AsyncIterable<Uint8Array>, what: string): Promise<XmlElement> {
  const root: OpenElement = { name: '', text: '', children: [] };
  const open = [root];
  const parser = sax.parser(true, { xmlns: false, trim: false, normalize: false });
  let problem: string | undefined;
  parser.onerror = (error) => {
    problem ??= error.message.split('\n')[0] ?? '';
    // Else the parser throws the same again.
    parser.error = null as unknown as Error;
  };
  parser.onopentag = ({ name }) => {
    if (open.length > maxDepth) problem ??= 'it is nested too deeply';
    const element: OpenElement = { name: name.slice(name.indexOf(':') + 1), text: '', children: [] };
    if (problem !== undefined) return;
    open.at(-1)?.children.push(element);
    open.push(element);
  };
  parser.onclosetag = () => {
    open.pop();
  };
  parser.ontext = parser.oncdata = (text) => {
    const element = open.at(-1);
    if (element !== undefined) element.text += text;
  };
  const decoder = new TextDecoder();
  for await (const chunk of chunks) {
    parser.write(decoder.decode(chunk, { stream: true }));
    if (problem !== undefined) break;
  }
  if (problem === undefined) parser.write(decoder.decode()).close();
  const [element] = root.children;
  if (problem !== undefined || element === undefined || open.length !== 1) {
    throw new StoreError('protocol', `${what}: the answer is not XML${problem === undefined ? '' : `: ${problem}`}`, {
      // Cut short by somebody on the way, as likely as not.
      retryable: true,
    });
  }
  return element;
}

/** The text of the child of this name; undefined where there is none. */
export function childText(element: XmlElement, name: string): string | undefined {
  return element.children.find((child) => child.name === name)?.text;
}

/** The children of this name. */
export function childrenOf(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((child) => child.name === name);
}

/** Text as it stands in an element. */
export function xmlText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
