import type { ErrorCode, VmdkDriverError } from '../index.js';

/** What to do about an error of this code, where its message does not say it. */
const advice: Readonly<Record<ErrorCode, string | undefined>> = {
  ABORTED: undefined,
  BACKING_IN_USE: 'power the VM off, or detach the volume, and try again',
  BACKING_INVALID: 'look at the VM named: a volume has one flat disk, and one VM',
  BACKUP_CORRUPT: 'do not trust this backup; restore another one',
  BACKUP_NOT_FOUND: '`vmdk-driver list --from <url>` tells what is there',
  BACKUP_SERVICE_FAILED: undefined,
  FILE_FAILED: undefined,
  INVALID_INPUT: undefined,
  INVALID_LOGIN: 'check GOVC_USERNAME and GOVC_PASSWORD, or --username and --password-file',
  INVALID_VMDK: 'do not trust this stream; use another backup',
  LEASE_FAILED: 'try again',
  NO_TEMPORARY_SPACE: 'free space, or name another directory in --config: { "tmpDir": "…" }',
  NO_VALID_DATASTORE: 'free space in a datastore, or correct --config',
  NO_VALID_HOST: 'connect a host, or correct --config',
  OBJECT_NOT_FOUND: undefined,
  OWNERSHIP_LOST: 'see who ran `vmdk-driver recover`, and with which --older-than; then restore again',
  REPOSITORY_DAMAGED: '`vmdk-driver repository verify` tells what else is; the next backup stores it anew',
  RESTORE_FAILED: undefined,
  STORE_FAILED: undefined,
  TEMPORARY_DIRECTORY_UNUSABLE: 'name another directory in --config: { "tmpDir": "…" }',
  THREAD_FAILED: 'try again; this process may have too many threads or too little memory',
  TLS_VERIFICATION_FAILED: "compare the thumbprint with the server's own; if it is the same, give it by --thumbprint",
  TRANSFER_FAILED: 'try again',
  TRANSFER_STALLED: 'try again; this machine must reach the ESXi hosts (port 443), not only vCenter',
  UNSUPPORTED_BACKUP: 'use the version of vmdk-driver that made it, or a later one',
  VIM_CONNECTION_FAILED: 'check --url, and that the server answers there',
  VIM_FAULT: undefined,
  VIM_PROTOCOL: 'check that --url is that of a vCenter or an ESXi host',
  VOLUME_BUSY: 'wait; if the process at work is dead: `vmdk-driver recover`',
  VOLUME_HAS_SNAPSHOTS: 'remove them first',
  VOLUME_TOO_SMALL: 'restore to a larger volume: --size',
  WRONG_KEY: 'give the right one by --passphrase-file or VMDK_DRIVER_PASSPHRASE',
};

/**
 * What an operator does next; `undefined` where the message says all there is.
 *
 * @param server `host:port` of the server that was connected to, if any was
 */
export function adviceFor(error: VmdkDriverError, server: string | undefined): string | undefined {
  const todo = nextStep(error, server);
  if (error.cleanup !== 'pending') return todo;
  const left =
    'something may be left: in vCenter, where `vmdk-driver recover` removes it; in a store, where the next backup, or `repository gc`, does a day later';
  return todo === undefined ? left : `${todo}; ${left}`;
}

function nextStep(error: VmdkDriverError, server: string | undefined): string | undefined {
  const { code, phase } = error;
  // What an export gives is no backup yet: there is nothing to distrust.
  if (code === 'INVALID_VMDK' && phase === 'export') return 'try again; no backup was stored';
  if (code === 'TLS_VERIFICATION_FAILED' && 'peer' in error && error.peer !== server) return trustingHost(error);
  return advice[code];
}

/** What to do about the certificate of an ESXi host. By `--thumbprint` it would take the place of vCenter's. */
function trustingHost(error: VmdkDriverError): string {
  const isPinned = 'expected' in error && error.expected !== undefined;
  return `compare the thumbprint with the ESXi host's own; if it is the same, ${
    isPinned
      ? 'vCenter (reconnect the host there) or --nfc-thumbprint has an old one'
      : 'give it by --nfc-thumbprint, or its issuer by --ca-file'
  }`;
}
