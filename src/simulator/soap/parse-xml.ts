import sax from 'sax';
import type { XmlElement } from './xml-element.js';

/**
 * Parses a whole XML document.
 *
 * @throws Error where it is not well formed, or carries a document type declaration
 */
export function parseXml(text: string): XmlElement {
  const parser = sax.parser(true, { xmlns: true });
  const open: XmlElement[] = [];
  let root: XmlElement | undefined;

  parser.onerror = (error) => {
    throw error;
  };
  parser.ondoctype = () => {
    throw new Error('a document type declaration is not accepted');
  };
  parser.onopentag = (tag) => {
    const { local, uri, ns, attributes } = tag as sax.QualifiedTag;
    const element: XmlElement = {
      name: local,
      namespace: uri,
      attributes: Object.values(attributes).map((entry) => ({
        name: entry.local,
        namespace: entry.prefix === '' ? '' : entry.uri,
        value: entry.value,
      })),
      children: [],
      text: '',
      namespaceOf: (prefix) => ns[prefix],
    };
    const parent = open.at(-1);
    if (parent === undefined) root = element;
    else parent.children.push(element);
    open.push(element);
  };
  parser.onclosetag = () => {
    open.pop();
  };
  const append = (data: string): void => {
    const element = open.at(-1);
    if (element !== undefined) element.text += data;
  };
  parser.ontext = append;
  parser.oncdata = append;

  parser.write(text.replace(/^\uFEFF/, '')).close();
  if (root === undefined) throw new Error('the document is empty');
  return root;
}
