import type { VimObject } from '../../vim/schema/index.js';
import { shownFile } from '../inventory/disk-chain.js';
import { diskPlace } from '../inventory/disk-place.js';
import { plainName } from '../inventory/entity-name.js';
import type { VirtualMachine } from '../inventory/virtual-machine.js';
import { escapeXml } from '../soap/escape-xml.js';
import { resourceTypes, scsiSubTypes } from './hardware.js';
import { OVF, RASD, STREAM_OPTIMIZED, VMW, VSSD } from './namespaces.js';

/** The OVF descriptor of a VM, with those of its disks for which there are files. */
export function writeDescriptor(vm: VirtualMachine, files: readonly VimObject<'OvfFile'>[], name: string): string {
  const { config } = vm;
  const disks = vm.disks.flatMap((disk) => {
    const index = files.findIndex(({ deviceId }) => deviceId === `/${vm.id}/${diskPlace(disk, config.devices)}`);
    return index < 0 ? [] : [{ disk, content: shownFile(disk), file: index + 1 }];
  });
  const references = files.map(
    ({ path, size }, i) => `<File ovf:href="${escapeXml(path)}" ovf:id="file${i + 1}" ovf:size="${size}"/>`,
  );
  const sections = disks.map(
    ({ content, file }, i) =>
      `<Disk ovf:capacity="${content.capacityBytes}" ovf:capacityAllocationUnits="byte" ovf:diskId="vmdisk${i + 1}" ` +
      `ovf:fileRef="file${file}" ovf:format="${STREAM_OPTIMIZED}" ovf:populatedSize="${content.raw.allocatedBytes}"/>`,
  );
  const controllers = config.devices.flatMap((device) => {
    if (device.kind !== 'controller') return [];
    const ide = device.type === 'VirtualIDEController';
    const subType = Object.keys(scsiSubTypes).find((key) => scsiSubTypes[key] === device.type);
    return item({
      Address: device.busNumber,
      ElementName: `${ide ? 'IDE' : 'SCSI'} Controller ${device.busNumber}`,
      InstanceID: device.key,
      ...(ide ? {} : { ResourceSubType: subType ?? '' }),
      ResourceType: ide ? resourceTypes.ideController : resourceTypes.scsiController,
    });
  });
  const drives = disks.map(({ disk }, i) =>
    item({
      AddressOnParent: disk.unitNumber,
      ElementName: `Hard Disk ${i + 1}`,
      HostResource: `ovf:/disk/vmdisk${i + 1}`,
      InstanceID: disk.key,
      Parent: disk.controllerKey,
      ResourceType: resourceTypes.disk,
    }),
  );
  const processors = item({
    AllocationUnits: 'hertz * 10^6',
    ElementName: `${config.numCPUs} virtual CPU(s)`,
    InstanceID: 1,
    ResourceType: resourceTypes.processor,
    VirtualQuantity: config.numCPUs,
  });
  const memory = item({
    AllocationUnits: 'byte * 2^20',
    ElementName: `${config.memoryMB}MB of memory`,
    InstanceID: 2,
    ResourceType: resourceTypes.memory,
    VirtualQuantity: config.memoryMB,
  });
  const title = escapeXml(plainName(name));
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<Envelope xmlns="${OVF}" xmlns:ovf="${OVF}" xmlns:rasd="${RASD}" xmlns:vmw="${VMW}" xmlns:vssd="${VSSD}">`,
    `<References>${references.join('')}</References>`,
    `<DiskSection><Info>Virtual disk information</Info>${sections.join('')}</DiskSection>`,
    `<VirtualSystem ovf:id="${title}"><Info>A virtual machine</Info><Name>${title}</Name>`,
    `<OperatingSystemSection ovf:id="1" vmw:osType="${escapeXml(config.guestId)}"><Info>The guest</Info></OperatingSystemSection>`,
    '<VirtualHardwareSection><Info>Virtual hardware requirements</Info>',
    '<System><vssd:ElementName>Virtual Hardware Family</vssd:ElementName><vssd:InstanceID>0</vssd:InstanceID>' +
      `<vssd:VirtualSystemIdentifier>${title}</vssd:VirtualSystemIdentifier>` +
      `<vssd:VirtualSystemType>${escapeXml(config.version)}</vssd:VirtualSystemType></System>`,
    ...[processors, memory, ...controllers, ...drives],
    '</VirtualHardwareSection></VirtualSystem></Envelope>',
    '',
  ].join('\n');
}

/** One `Item`; its elements are in alphabetical order, as the format wants them. */
function item(fields: Readonly<Record<string, string | number>>): string {
  const elements = Object.entries(fields).map(
    ([name, value]) => `<rasd:${name}>${escapeXml(String(value))}</rasd:${name}>`,
  );
  return `<Item>${elements.join('')}</Item>`;
}
