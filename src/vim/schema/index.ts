export { enumerations, isEnumeration, type EnumerationName } from './enumerations.js';
export { methods, type MethodDefinition, type MethodName } from './methods.js';
export { objectTypes, type ObjectTypeDefinition, type ObjectTypeName } from './object-types.js';
export { properties, type ManagedType } from './properties.js';
export { methodsOf, serviceOf, services, type ServiceEndpoint, type ServiceName } from './services.js';
export {
  isScalar,
  parseTypeSpec,
  scalarTypes,
  type ParsedTypeSpec,
  type ScalarType,
  type TypeSpec,
} from './type-spec.js';
export type {
  MethodArgs,
  MethodResult,
  MoRef,
  PropertiesOf,
  PropertyPath,
  Struct,
  SubtypeOf,
  ValueOf,
  VimObject,
} from './infer.js';
