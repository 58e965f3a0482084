/**
 * Object stores: where backups and repositories lie.
 *
 * @packageDocumentation
 */
export type {
  ByteRange,
  DeleteResult,
  GetOptions,
  ObjectBody,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  PutResult,
  StoreCallOptions,
  StoreCapabilities,
} from './object-store.js';
export { FileObjectStore, type FileObjectStoreOptions } from './file/file-object-store.js';
export {
  AbortError,
  InvalidInputError,
  ObjectNotFoundError,
  StoreError,
  VmdkDriverError,
  type ErrorCode,
  type ErrorDetails,
  type Phase,
  type StoreFailure,
} from '../errors/index.js';
