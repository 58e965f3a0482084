/**
 * The stream-optimized VMDK: inspect, verify, decode, encode.
 *
 * @module
 */

export { InvalidVmdkError, type InvalidVmdkReason } from '../errors/invalid-vmdk-error.js';
export type { CodecOptions, EncodeOptions, InspectOptions, VmdkProgress } from './codec-options.js';
export { decodeVmdkStream } from './decode-stream.js';
export type { VmdkBytes } from './read-chunks.js';
export { decodeVmdk } from './decode-vmdk.js';
export type { VmdkDescriptor } from './descriptor.js';
export { encodeVmdkStream } from './encode-stream.js';
export { encodeVmdk, type EncodeFileOptions } from './encode-vmdk.js';
export { inspectVmdk } from './inspect-vmdk.js';
export type { ImportProblem, VmdkInfo, VmdkLayout, VmdkWarning } from './vmdk-info.js';
export { verifyVmdk } from './verify-vmdk.js';
export { VmdkInspector } from './vmdk-inspector.js';
export type { VmdkSink } from './vmdk-sink.js';
export type { DataExtent, VmdkSource } from './vmdk-source.js';
