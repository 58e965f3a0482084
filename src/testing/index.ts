/**
 * Conformance suites for stores and services of your own, as plain code for any test runner, and a store that fails on purpose.
 *
 * @packageDocumentation
 */
export { backupServiceChecks, type BackupServiceUnderTest } from './backup-service-checks.js';
export type { Check, CheckOutcome } from './check.js';
export { FaultyObjectStore, type StoreCall, type StoreFault } from './faulty-object-store.js';
export { objectStoreChecks, type ObjectStoreUnderTest } from './object-store-checks.js';
