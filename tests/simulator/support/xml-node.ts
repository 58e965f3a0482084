import sax from 'sax';

/** A reply's element, as a test looks at it. */
export interface XmlNode {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: XmlNode[];
  text: string;
}

export function parse(text: string): XmlNode {
  const parser = sax.parser(true, {});
  const open: XmlNode[] = [];
  let root: XmlNode | undefined;
  parser.onerror = (error) => {
    throw error;
  };
  parser.onopentag = ({ name, attributes }) => {
    const node: XmlNode = { name, attributes: attributes as Record<string, string>, children: [], text: '' };
    (open.at(-1)?.children ?? []).push(node);
    root ??= node;
    open.push(node);
  };
  parser.onclosetag = () => {
    open.pop();
  };
  parser.ontext = (data) => {
    const node = open.at(-1);
    if (node !== undefined) node.text += data;
  };
  parser.write(text).close();
  return root!;
}

/** The first descendant along a path of names, such as `info.deviceUrl.url`. */
export function at(node: XmlNode | undefined, path: string): XmlNode | undefined {
  let found = node;
  for (const name of path.split('.')) found = found?.children.find((child) => child.name === name);
  return found;
}

/** The text at a path. */
export function textAt(node: XmlNode | undefined, path: string): string | undefined {
  return at(node, path)?.text;
}

/** All children of a name. */
export function all(node: XmlNode | undefined, name: string): XmlNode[] {
  return node?.children.filter((child) => child.name === name) ?? [];
}
