import { fault } from '../fault.js';
import { parseXml } from '../soap/parse-xml.js';
import { attribute, type XmlElement } from '../soap/xml-element.js';
import { OVF, RASD, VMW, VSSD } from './namespaces.js';

/** One piece of a virtual machine's hardware. */
export interface OvfItem {
  readonly name: string;
  readonly instanceId: string;
  readonly resourceType: number;
  readonly subType: string | undefined;
  /** Whether the VM may do without. */
  readonly optional: boolean;
  readonly quantity: number;
  /** A controller's bus. */
  readonly address: number;
  readonly parent: string | undefined;
  readonly addressOnParent: number | undefined;
  /** The id of a disk in {@link OvfDescriptor.disks}. */
  readonly diskId: string | undefined;
}

/** A disk, and the file with its content where it has any. */
export interface OvfDisk {
  readonly capacityBytes: number;
  readonly file: { readonly path: string; readonly sizeBytes: number | undefined } | undefined;
}

/** What an OVF descriptor of one virtual machine says. */
export interface OvfDescriptor {
  readonly guestId: string | undefined;
  readonly hardwareVersion: string | undefined;
  readonly items: readonly OvfItem[];
  readonly disks: ReadonlyMap<string, OvfDisk>;
}

/** @throws Fault OvfXmlFormat, OvfMissingElement */
export function readDescriptor(text: string): OvfDescriptor {
  const envelope = parse(text);
  const system = required(envelope, 'VirtualSystem');
  const hardware = required(system, 'VirtualHardwareSection');
  const version = child(hardware, 'System', OVF);
  return {
    guestId: optionalAttribute(child(system, 'OperatingSystemSection', OVF), 'osType', VMW),
    hardwareVersion: version && textOf(version, 'VirtualSystemType', VSSD)?.split(',')[0]?.trim(),
    items: children(hardware, 'Item', OVF).map(readItem),
    disks: readDisks(envelope),
  };
}

function parse(text: string): XmlElement {
  let root: XmlElement;
  try {
    root = parseXml(text);
  } catch (error) {
    const description = (error as Error).message;
    throw fault('OvfXmlFormat', { lineNumber: 1, description }, `The OVF descriptor is not valid: ${description}`);
  }
  if (root.name !== 'Envelope' || root.namespace !== OVF) throw missing('Envelope');
  return root;
}

function readDisks(envelope: XmlElement): Map<string, OvfDisk> {
  const files = new Map(
    children(child(envelope, 'References', OVF), 'File', OVF).map((file) => [
      attribute(file, 'id', OVF) ?? '',
      { path: attribute(file, 'href', OVF) ?? '', sizeBytes: numberOf(attribute(file, 'size', OVF)) },
    ]),
  );
  return new Map(
    children(child(envelope, 'DiskSection', OVF), 'Disk', OVF).map((disk) => {
      const fileRef = attribute(disk, 'fileRef', OVF);
      const file = fileRef === undefined ? undefined : files.get(fileRef);
      if (fileRef !== undefined && file === undefined) throw missing(`File ${fileRef}`);
      const units = unitOf(attribute(disk, 'capacityAllocationUnits', OVF) ?? 'byte');
      const capacityBytes = (numberOf(attribute(disk, 'capacity', OVF)) ?? 0) * units;
      return [attribute(disk, 'diskId', OVF) ?? '', { capacityBytes, file }];
    }),
  );
}

function readItem(item: XmlElement): OvfItem {
  const text = (name: string): string | undefined => textOf(item, name, RASD);
  const host = text('HostResource');
  return {
    name: text('ElementName') ?? '',
    instanceId: text('InstanceID') ?? '',
    resourceType: numberOf(text('ResourceType')) ?? 0,
    subType: text('ResourceSubType'),
    optional: attribute(item, 'required', OVF) === 'false',
    quantity: numberOf(text('VirtualQuantity')) ?? 1,
    address: numberOf(text('Address')) ?? 0,
    parent: text('Parent'),
    addressOnParent: numberOf(text('AddressOnParent')),
    diskId: /^(?:ovf:)?\/disk\/(.+)$/.exec(host ?? '')?.[1],
  };
}

/** The number of bytes of a unit such as `byte * 2^30`. */
function unitOf(text: string): number {
  const [, base = '1', exponent = '0'] = /^byte(?: \* (\d+)\^(\d+))?$/.exec(text.trim()) ?? [];
  return Number(base) ** Number(exponent);
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined || !/^\d+$/.test(text.trim()) ? undefined : Number(text);
}

function children(element: XmlElement | undefined, name: string, namespace: string): XmlElement[] {
  return element?.children.filter((entry) => entry.name === name && entry.namespace === namespace) ?? [];
}

function child(element: XmlElement, name: string, namespace: string): XmlElement | undefined {
  return children(element, name, namespace)[0];
}

function textOf(element: XmlElement, name: string, namespace: string): string | undefined {
  return child(element, name, namespace)?.text.trim();
}

function optionalAttribute(element: XmlElement | undefined, name: string, namespace: string): string | undefined {
  return element && attribute(element, name, namespace);
}

function required(element: XmlElement, name: string): XmlElement {
  const found = child(element, name, OVF);
  if (found === undefined) throw missing(name);
  return found;
}

function missing(name: string) {
  return fault('OvfMissingElement', { lineNumber: 1, name }, `The OVF descriptor lacks ${name}`);
}
