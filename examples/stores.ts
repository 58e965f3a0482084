/**
 * A volume of a vCenter that lives in this process, backed up into a store, verified, and restored as another volume.
 *
 *     npm run example -- examples/stores.ts s3                               in a clone
 *     node node_modules/vmdk-driver/dist/examples/stores.js s3               where the package is installed
 *
 * With one of `file`, `s3`, `swift`, `keystone`, `rbd` and `tsm`, set up by the variables below: those that the programs of each store take.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { type BackupService, VmdkDriver, type Volume } from 'vmdk-driver';
import { FileBackupService, ObjectBackupService, RbdBackupService, TsmBackupService } from 'vmdk-driver/services';
import { startSimulator } from 'vmdk-driver/simulator';
import { S3ObjectStore, SwiftObjectStore } from 'vmdk-driver/stores';
import { SoapVimSession } from 'vmdk-driver/vim';

const services: Readonly<Record<string, () => BackupService>> = {
  file: () => new FileBackupService({ directory: needed('BACKUP_DIRECTORY') }),
  s3: () =>
    new ObjectBackupService({
      store: new S3ObjectStore({
        endpoint: needed('AWS_ENDPOINT_URL'),
        region: needed('AWS_REGION'),
        bucket: needed('S3_BUCKET'),
        prefix: 'vmdk-driver-example',
        credentials: {
          accessKeyId: needed('AWS_ACCESS_KEY_ID'),
          secretAccessKey: needed('AWS_SECRET_ACCESS_KEY'),
        },
      }),
    }),
  swift: () =>
    new ObjectBackupService({
      store: new SwiftObjectStore({
        auth: { kind: 'tempauth', url: needed('ST_AUTH'), user: needed('ST_USER'), key: needed('ST_KEY') },
        container: needed('SWIFT_CONTAINER'),
        prefix: 'vmdk-driver-example',
      }),
    }),
  keystone: () =>
    new ObjectBackupService({
      store: new SwiftObjectStore({
        auth: {
          kind: 'keystone',
          url: needed('OS_AUTH_URL'),
          username: needed('OS_USERNAME'),
          password: needed('OS_PASSWORD'),
          userDomain: process.env['OS_USER_DOMAIN_NAME'],
          project: needed('OS_PROJECT_NAME'),
          projectDomain: process.env['OS_PROJECT_DOMAIN_NAME'],
          region: process.env['OS_REGION_NAME'],
        },
        container: needed('SWIFT_CONTAINER'),
        prefix: 'vmdk-driver-example',
      }),
    }),
  rbd: () =>
    new RbdBackupService({
      pool: needed('CEPH_POOL'),
      conf: process.env['CEPH_CONF'],
      id: process.env['CEPH_ID'],
    }),
  tsm: () => new TsmBackupService({ directory: needed('BACKUP_DIRECTORY'), server: process.env['DSM_SERVER'] }),
};

function needed(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`the environment variable ${name} is not set`);
  return value;
}

const [kind = ''] = process.argv.slice(2);
const backupService = services[kind]?.();
if (backupService === undefined) throw new Error(`which store? One of: ${Object.keys(services).join(', ')}`);

await using simulator = await startSimulator();
const { host, port, username, password, thumbprint } = simulator;
await using vim = new SoapVimSession({ host, port, username, password, thumbprint });
await vim.connect();
const driver = new VmdkDriver({ vim, backupService });

const volume: Volume = { id: randomUUID(), size: 1 };
await simulator.addVm({
  name: `volume-${volume.id}`,
  instanceUuid: volume.id,
  disk: { capacityBytes: 1024 ** 3 },
  extraConfig: { 'cinder.volume.id': volume.id },
});
const sha256Of = async ({ id }: Volume): Promise<string> => {
  const disk = simulator.vms().find(({ instanceUuid }) => instanceUuid === id)?.disks[0];
  if (disk === undefined) throw new Error(`volume ${id} has no disk`);
  return simulator.diskSha256(disk.path);
};
const [disk] = simulator.vms().flatMap(({ disks }) => disks);
await simulator.writeDisk(disk?.path ?? '', randomBytes(40 * 1024 * 1024));

const backup = { id: `example-${randomUUID()}`, volumeId: volume.id };
const manifest = await driver.backupVolume(backup, volume);
console.log(`stored: ${(manifest.streamBytes / 1024 ** 2).toFixed(1)} MiB, SHA-256 ${manifest.sha256}`);
await driver.verifyBackup(backup, { manifest });
const copy: Volume = { id: randomUUID(), size: 1 };
await driver.restoreBackup(backup, copy, { manifest });
const isSame = (await sha256Of(volume)) === (await sha256Of(copy));
console.log(isSame ? 'restored: identical' : 'restored: DIFFERENT');
await backupService.delete?.(backup);
if (!isSame) process.exitCode = 1;
