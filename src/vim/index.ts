/**
 * The vSphere session: what a host injects into the driver, and the one that ships.
 *
 * @packageDocumentation
 */
export { SoapVimSession } from './soap-vim-session.js';
export type { SoapVimSessionOptions } from './session/session-options.js';
export type { AbortableOptions, Download, TransferOptions, UploadOptions, VimSession } from './vim-session.js';
export {
  collectProperties,
  readProperties,
  readPropertiesOfEach,
  readPropertiesOfMany,
  type CollectOptions,
  type EachObject,
  type ObjectProperties,
  type Traversal,
  type TraversalOptions,
  type UnreadableObject,
} from './property-collector.js';
export { waitForProperties } from './wait-for-updates.js';
export * from './schema/index.js';
export type { Logger } from '../logger.js';
export {
  AbortError,
  InvalidInputError,
  InvalidLoginError,
  isVimFault,
  TlsVerificationError,
  TransferError,
  VimConnectionError,
  VimFault,
  VimProtocolError,
  VmdkDriverError,
  type CallOutcome,
  type ErrorCode,
} from '../errors/index.js';
