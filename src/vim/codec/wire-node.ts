/** The key under which node-soap keeps an element's attributes. Three vim25 types own an element called `attributes`. */
export const attributesKey = '$attributes';
/** The key under which node-soap keeps the text of an element that has attributes. */
export const valueKey = '$value';
/** The key of text that node-soap writes as it is, that is, of text already escaped. */
export const xmlKey = '$xml';

/**
 * An element as node-soap takes it: text; `null` for an empty one; its children by name; several of one name as
 * an array.
 */
export type WireNode = string | number | boolean | null | undefined | WireElement | readonly WireNode[];

/** An element with children or attributes. */
export interface WireElement {
  readonly [name: string]: WireNode;
}
