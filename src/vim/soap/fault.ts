import { VimFault } from '../../errors/index.js';
import { decodeValue, type WireElement, type WireNode } from '../codec/index.js';
import { isWireElement, valueKey, xsiTypeOf } from '../codec/wire-node.js';

/**
 * The fault of a SOAP envelope, as node-soap parsed it.
 *
 * @param clean takes secrets out of what the server wrote
 * @returns `undefined` where the envelope holds none
 */
export function faultOf(method: string, envelope: WireNode, clean: (text: string) => string): VimFault | undefined {
  const body = isWireElement(envelope) ? envelope['Body'] : undefined;
  const fault = isWireElement(body) ? body['Fault'] : undefined;
  if (!isWireElement(fault)) return undefined;
  const message = clean(textOf(fault['faultstring']));
  const detail = fault['detail'];
  const element = isWireElement(detail) ? Object.keys(detail).find((name) => !name.startsWith('$')) : undefined;
  if (!isWireElement(detail) || element === undefined) return new VimFault('RuntimeFault', method, message);
  const node = detail[element];
  const content = isWireElement(node) ? node : {};
  // vSphere names the fault's type; the element's name is that of the fault the method declares, plus `Fault`.
  const name = xsiTypeOf(content) ?? element.replace(/(?<=.)Fault$/, '');
  const { _type, ...fields } = fieldsOf(content);
  return new VimFault(name, method, message, cleaned(fields, clean) as Record<string, unknown>);
}

function fieldsOf(node: WireElement): Record<string, unknown> {
  try {
    const decoded = decodeValue('any', node, 'fault');
    return typeof decoded === 'object' ? { ...decoded } : {};
  } catch {
    // A fault that is not quite what its type asks for is still that fault.
    return {};
  }
}

function cleaned(value: unknown, clean: (text: string) => string): unknown {
  if (typeof value === 'string') return clean(value);
  if (Array.isArray(value)) return value.map((item) => cleaned(item, clean));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, cleaned(field, clean)]));
}

function textOf(node: WireNode): string {
  if (typeof node === 'string') return node;
  const value = isWireElement(node) ? node[valueKey] : undefined;
  return typeof value === 'string' ? value : '';
}
