import type { VimObject } from '../../vim/schema/index.js';
import { Fault, fault } from '../fault.js';
import { Lease, type LeaseDevice } from '../nfc/lease.js';
import { as, type Handlers } from './handler.js';

type Methods =
  | 'HttpNfcLeaseProgress'
  | 'HttpNfcLeaseGetManifest'
  | 'HttpNfcLeaseSetManifestChecksumType'
  | 'HttpNfcLeaseComplete'
  | 'HttpNfcLeaseAbort';

export const httpNfcLeaseMethods: Handlers<Methods> = {
  HttpNfcLeaseProgress({ leases }, target, { percent }) {
    leases.progress(as(Lease, target), percent);
    return undefined;
  },

  HttpNfcLeaseGetManifest({ settings }, target) {
    const lease = as(Lease, target);
    if (!settings.manifest) throw fault('NotSupported', {}, 'The server makes no manifests');
    if (lease.state !== 'ready') throw fault('InvalidState', {}, 'There is no manifest');
    return lease.devices.flatMap(manifestEntry);
  },

  HttpNfcLeaseSetManifestChecksumType({ settings }, target, { deviceUrlsToChecksumTypes = [] }) {
    const lease = as(Lease, target);
    if (!settings.manifest) throw fault('NotSupported', {}, 'The server makes no manifests');
    for (const { key, value } of deviceUrlsToChecksumTypes) {
      const device = lease.devices.find((entry) => entry.key === key);
      if (device === undefined || (value !== 'sha1' && value !== 'sha256')) {
        throw fault(
          'InvalidArgument',
          { invalidProperty: 'deviceUrlsToChecksumTypes' },
          `${key}: ${value} is not possible`,
        );
      }
      device.checksumType = value;
    }
    return undefined;
  },

  async HttpNfcLeaseComplete({ leases }, target) {
    await leases.complete(as(Lease, target));
    return undefined;
  },

  async HttpNfcLeaseAbort({ leases }, target, { fault: reason }) {
    const cause =
      reason === undefined
        ? fault('RequestCanceled', {}, 'The lease was aborted')
        : new Fault({ ...reason.fault }, reason.localizedMessage ?? 'The lease was aborted');
    await leases.abort(as(Lease, target), cause);
    return undefined;
  },
};

/** What a manifest says about a disk that went by as a whole, out or in; nothing about others. */
function manifestEntry({ key, sent, file, checksumType }: LeaseDevice): VimObject<'HttpNfcLeaseManifestEntry'>[] {
  if (sent === undefined) return [];
  return [
    {
      key,
      sha1: sent.sha1,
      checksum: checksumType === 'sha1' ? sent.sha1 : sent.sha256,
      checksumType,
      size: sent.size,
      disk: true,
      capacity: file.capacityBytes,
      populatedSize: file.raw.allocatedBytes,
    },
  ];
}
