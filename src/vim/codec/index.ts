export { conform } from './conform.js';
export { decodeResult, decodeValue } from './decode.js';
export { encodeCall, encodeValue } from './encode.js';
export { isObjectType, isSubtype, typeFacts, type TypeFacts } from './type-facts.js';
export type { WireElement, WireNode } from './wire-node.js';
