import { decodeVmdkStream, InvalidVmdkError } from '../../vmdk/index.js';
import { fault } from '../fault.js';
import type { Place } from '../inventory/disk-chain.js';
import type { FileContent } from '../storage/file-content.js';
import type { World } from '../world.js';
import type { DiskForm } from './disk-form.js';
import { diskSink } from './disk-sink.js';

/**
 * Makes a disk of an uploaded file: a copy takes a stream-optimized one apart.
 *
 * @throws Fault SystemError where it is none; FileAlreadyExists, FileNotFound, NoDiskSpace
 */
export async function unpackDisk(
  world: World,
  { source, from }: { readonly source: FileContent; readonly from: Place },
  to: Place,
  form: DiskForm,
): Promise<void> {
  // Thin until it is whole: what it takes is known only then.
  const disk = world.newDisk({ ...form, provisioning: 'thin', capacityBytes: 0 });
  to.datastore.files.addDisk(to.path, disk);
  try {
    const { codecWorkers: workers } = world.settings;
    await decodeVmdkStream(source.read(), diskSink(disk), { workers, signal: world.closed });
    // A datastore that has but one form gives it to any disk.
    const provisioning = to.datastore.files.provisioning ?? form.provisioning;
    if (provisioning !== 'thin') disk.makeThick();
    disk.provisioning = provisioning;
  } catch (error) {
    await world.deleteDisk(disk);
    if (!(error instanceof InvalidVmdkError)) throw error;
    const reason = `${from.datastore.pathTo(from.path)} is not a virtual disk: ${error.message}`;
    throw fault('SystemError', { reason }, `A general system error occurred: ${reason}`);
  }
  world.registry.changed();
}
