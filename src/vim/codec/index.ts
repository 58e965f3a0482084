export { conform } from './conform.js';
export { decoderOf, FieldsDecoder } from './decode.js';
export type { ElementAttributes, ElementDecoder } from './element-decoder.js';
export { encodeCall, encodeValue } from './encode.js';
export { Misfit } from './misfit.js';
export { isObjectType, isSubtype, typeFacts, type TypeFacts } from './type-facts.js';
export type { WireElement, WireNode } from './wire-node.js';
