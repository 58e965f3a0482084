import type { MoRef } from '../../vim/schema/index.js';
import type { MethodDefinition } from '../../vim/schema/methods.js';
import { fault } from '../fault.js';
import { decodeFields, decodeRef } from './decode-value.js';
import { SOAP_ENVELOPE } from './namespaces.js';
import { parseXml } from './parse-xml.js';
import type { Schema } from './schema.js';
import type { XmlElement } from './xml-element.js';

/** A call as it was received, before its arguments are looked at. */
export interface SoapRequest {
  readonly method: string;
  /** The object it is called on (`_this`). */
  readonly target: MoRef;
  readonly body: XmlElement;
  /** The text of an element of the envelope's header, or undefined. */
  readonly header: (name: string) => string | undefined;
}

/**
 * Reads a SOAP 1.1 request as far as the method and its target.
 *
 * @throws Fault InvalidRequest
 */
export function decodeRequest(schema: Schema, text: string): SoapRequest {
  let root: XmlElement;
  try {
    root = parseXml(text);
  } catch (error) {
    throw fault('InvalidRequest', {}, `The request is not well-formed XML: ${(error as Error).message}`);
  }
  if (root.name !== 'Envelope' || root.namespace !== SOAP_ENVELOPE) {
    throw fault('InvalidRequest', {}, `The request is no SOAP 1.1 envelope but ${root.name}`);
  }
  const bodies = root.children.filter(({ name, namespace }) => name === 'Body' && namespace === SOAP_ENVELOPE);
  const calls = bodies.flatMap(({ children }) => children);
  const [body] = calls;
  if (body === undefined || bodies.length > 1 || calls.length > 1) {
    throw fault('InvalidRequest', {}, 'The SOAP body must hold exactly one element');
  }
  if (body.namespace !== schema.namespace) {
    throw fault('InvalidRequest', {}, `Method ${body.name} is in namespace "${body.namespace}"`);
  }
  const [self] = body.children;
  if (self?.name !== '_this' || self.namespace !== schema.namespace) {
    throw fault('InvalidRequest', {}, `The first element of ${body.name} must be _this`);
  }
  const headers = root.children
    .filter(({ name, namespace }) => name === 'Header' && namespace === SOAP_ENVELOPE)
    .flatMap(({ children }) => children);
  const header = (name: string): string | undefined => headers.find((element) => element.name === name)?.text.trim();
  return { method: body.name, target: decodeRef(self, `${body.name}._this`), body, header };
}

/**
 * Reads a call's arguments.
 *
 * @throws Fault InvalidRequest or InvalidType
 */
export function decodeArguments(
  schema: Schema,
  { params }: MethodDefinition,
  { method, body }: SoapRequest,
): Record<string, unknown> {
  return decodeFields(schema, body, Object.entries(params), method, body.children.slice(1));
}
