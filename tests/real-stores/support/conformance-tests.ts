import { backupServiceChecks, objectStoreChecks } from '../../../src/testing/index.js';
import { describeChecks } from '../../testing/describe-checks.js';
import { newPrefix, type Place, type PlaceOfObjects, serviceAt, storeAt } from './place.js';

/** Declares the suite of `vmdk-driver/testing` for stores. What it locks stays for a minute or two. */
export function testStoreConformance(store: string, at: () => PlaceOfObjects, { locks = false } = {}): void {
  const skipped = locks ? ['rejects a lock'] : ['does not delete a locked', 'extends a lock'];
  describeChecks(
    `${store}: a conforming store`,
    objectStoreChecks(() => storeAt({ ...at(), prefix: newPrefix() })),
    ['lets one of', 'rejects ifAbsent', ...skipped],
  );
}

/** Declares the suite of `vmdk-driver/testing` for services. */
export function testServiceConformance(store: string, at: () => Place): void {
  describeChecks(
    `${store}: a conforming service`,
    backupServiceChecks(() => serviceAt({ ...at(), prefix: newPrefix() })),
  );
}
