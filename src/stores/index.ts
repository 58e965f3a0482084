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
export { S3ObjectStore, type S3ObjectStoreOptions } from './s3/s3-object-store.js';
export type { S3Credentials, S3CredentialsProvider } from './s3/s3-credentials.js';
export { SwiftObjectStore, type SwiftObjectStoreOptions } from './swift/swift-object-store.js';
export type {
  ApplicationCredentialAuth,
  KeystoneAuth,
  SwiftAuth,
  SwiftToken,
  TempAuth,
  TokenAuth,
} from './swift/swift-auth.js';
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
