import type { MethodDefinition } from '../../vim/schema/methods.js';
import type { Fault } from '../fault.js';
import { encodeFaultDetail, encodeField } from './encode-value.js';
import { escapeXml } from './escape-xml.js';
import { SOAP_ENVELOPE, XML_SCHEMA, XML_SCHEMA_INSTANCE } from './namespaces.js';
import type { Schema } from './schema.js';

function envelope(body: string): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    `<soapenv:Envelope xmlns:soapenv="${SOAP_ENVELOPE}" xmlns:xsd="${XML_SCHEMA}" xmlns:xsi="${XML_SCHEMA_INSTANCE}">\n` +
    `<soapenv:Body>\n${body}\n</soapenv:Body>\n</soapenv:Envelope>`
  );
}

/** The reply to a call that returned. A method's empty result is a reply without `returnval`. */
export function replyEnvelope(schema: Schema, method: string, { returns }: MethodDefinition, result: unknown): string {
  const value = returns === undefined || result === undefined ? '' : encodeField(schema, 'returnval', returns, result);
  return envelope(`<${method}Response xmlns="${schema.namespace}">${value}</${method}Response>`);
}

/** The reply to a call that failed. */
export function faultEnvelope(schema: Schema, fault: Fault): string {
  return envelope(
    `<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>${escapeXml(fault.message)}</faultstring>` +
      `<detail>${encodeFaultDetail(schema, fault.data)}</detail></soapenv:Fault>`,
  );
}
