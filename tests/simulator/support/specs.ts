/** XML of the specs tests send. */

export const controller = (key = -100, bus = 0, type = 'VirtualLsiLogicController'): string =>
  `<deviceChange><operation>add</operation><device xsi:type="${type}"><key>${key}</key>` +
  `<busNumber>${bus}</busNumber><sharedBus>noSharing</sharedBus></device></deviceChange>`;

interface DiskXml {
  readonly key?: number;
  readonly operation?: string;
  readonly fileOperation?: string;
  readonly fileName?: string;
  readonly controllerKey?: number;
  readonly unitNumber?: number;
  readonly capacityKb?: number;
  readonly thin?: boolean;
  readonly eager?: boolean;
  readonly uuid?: string;
}

export const disk = (options: DiskXml = {}): string => {
  const { key = -101, operation = 'add', fileOperation, fileName = '', controllerKey = -100, unitNumber = 0 } = options;
  const { capacityKb = 1024, thin = true, eager, uuid } = options;
  return (
    `<deviceChange><operation>${operation}</operation>` +
    (fileOperation === undefined ? '' : `<fileOperation>${fileOperation}</fileOperation>`) +
    `<device xsi:type="VirtualDisk"><key>${key}</key><backing xsi:type="VirtualDiskFlatVer2BackingInfo">` +
    `<fileName>${fileName}</fileName><diskMode>persistent</diskMode><thinProvisioned>${thin}</thinProvisioned>` +
    (eager === undefined ? '' : `<eagerlyScrub>${eager}</eagerlyScrub>`) +
    (uuid === undefined ? '' : `<uuid>${uuid}</uuid>`) +
    `</backing><controllerKey>${controllerKey}</controllerKey><unitNumber>${unitNumber}</unitNumber>` +
    `<capacityInKB>${capacityKb}</capacityInKB></device></deviceChange>`
  );
};

export const newDisk = (options: DiskXml = {}): string => disk({ fileOperation: 'create', ...options });

interface VmXml {
  readonly name?: string;
  readonly instanceUuid?: string;
  readonly path?: string;
  readonly changes?: string;
  readonly extraConfig?: Readonly<Record<string, string>>;
}

/** The content of a `VirtualMachineConfigSpec` for a new VM with a disk. */
export const vmSpec = ({
  name = 'vm',
  instanceUuid,
  path = '[datastore1]',
  changes = newDisk() + controller(),
  extraConfig = {},
}: VmXml = {}): string =>
  `<name>${name}</name>` +
  (instanceUuid === undefined ? '' : `<instanceUuid>${instanceUuid}</instanceUuid>`) +
  `<files><vmPathName>${path}</vmPathName></files>${changes}` +
  Object.entries(extraConfig)
    .map(([key, value]) => `<extraConfig><key>${key}</key><value xsi:type="xsd:string">${value}</value></extraConfig>`)
    .join('');
