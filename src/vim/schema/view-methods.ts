import type { MethodDefinition } from './methods.js';

/** The methods of views: lists of inventory objects that the server keeps up to date. */
export const viewMethods = {
  CreateContainerView: {
    on: 'ViewManager',
    params: { container: 'ref', type: 'string[]?', recursive: 'boolean' },
    returns: 'ref',
    idempotent: true,
  },
  DestroyView: { on: 'View', params: {}, idempotent: true },
} as const satisfies Record<string, MethodDefinition>;
