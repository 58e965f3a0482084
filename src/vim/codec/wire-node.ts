/** The key under which node-soap keeps an element's attributes. Three vim25 types own an element called `attributes`. */
export const attributesKey = '$attributes';
/** The key under which node-soap keeps the text of an element that has attributes. */
export const valueKey = '$value';
/** The key of text that node-soap writes as it is, that is, of text already escaped. */
export const xmlKey = '$xml';

/**
 * An element as node-soap takes and gives it: text; `null` for an empty one; its children by name; several of one name as
 * an array.
 */
export type WireNode = string | number | boolean | null | undefined | WireElement | readonly WireNode[];

/** An element with children or attributes. */
export interface WireElement {
  readonly [name: string]: WireNode;
}

/** Whether a node is an element with children or attributes. */
export function isWireElement(node: WireNode): node is WireElement {
  return typeof node === 'object' && node !== null && !Array.isArray(node);
}

/** An element's `xsi:type` without prefix, whatever prefix the sender gave to the attribute itself. */
export function xsiTypeOf(element: WireElement): string | undefined {
  const attributes = element[attributesKey];
  if (!isWireElement(attributes)) return undefined;
  const key = Object.keys(attributes).find((name) => name.endsWith(':type'));
  const type = key === undefined ? undefined : attributes[key];
  return typeof type === 'string' ? type.slice(type.indexOf(':') + 1).trim() : undefined;
}
