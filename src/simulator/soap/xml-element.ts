/** One element of a parsed XML document, its names resolved. */
export interface XmlElement {
  /** The name without prefix. */
  readonly name: string;
  readonly namespace: string;
  readonly attributes: readonly XmlAttribute[];
  /** Child elements in document order. */
  readonly children: XmlElement[];
  /** The character data directly inside, joined. */
  text: string;
  /** Resolves the prefix of a qualified name that is a *value* (as in `xsi:type="xsd:string"`); `''` is the default. */
  readonly namespaceOf: (prefix: string) => string | undefined;
}

export interface XmlAttribute {
  /** The name without prefix. */
  readonly name: string;
  /** Empty for an attribute without prefix. */
  readonly namespace: string;
  readonly value: string;
}

/** An attribute's value, or undefined. */
export function attribute(element: XmlElement, name: string, namespace = ''): string | undefined {
  return element.attributes.find((entry) => entry.name === name && entry.namespace === namespace)?.value;
}
