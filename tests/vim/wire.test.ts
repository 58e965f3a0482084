import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type MethodName, methods, methodsOf } from '../../src/vim/schema/index.js';
import { type SendEnvelope, SoapClient } from '../../src/vim/soap/soap-client.js';
import { needing } from '../support/needing.js';
import { sampleCalls } from './support/sample-calls.js';
import { resultEnvelope } from './support/soap-server.js';
import { hasXsd, xsdDirectory } from './support/xsd.js';

// The storage policy service's schemas are not public in this form.
const names = methodsOf('vim25');

/** What goes over the wire for a call. */
async function envelopeOf(client: SoapClient, method: MethodName, args: object): Promise<[string, unknown]> {
  let sent: [string, unknown] = ['', undefined];
  const send = (body: string, headers: unknown): Promise<void> => {
    sent = [body, headers];
    return Promise.reject(new Error('sent'));
  };
  await expect(client.call(method, { type: methods[method].on, value: 'id-1' }, args, send)).rejects.toThrow('sent');
  return sent;
}

describe('envelopes', () => {
  let client: SoapClient;
  beforeAll(async () => {
    client = await SoapClient.create('https://vcenter.example/sdk');
  });

  test('look as a vim25 server wants them', async () => {
    const [body, headers] = await envelopeOf(client, 'CreateFilter', sampleCalls.CreateFilter);
    expect(body).toBe(
      '<?xml version="1.0" encoding="utf-8"?>' +
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" >' +
        '<soap:Body><CreateFilter xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns="urn:vim25">' +
        '<_this type="PropertyCollector">id-1</_this>' +
        '<spec><propSet><type>VirtualMachine</type><all>false</all>' +
        '<pathSet>name</pathSet><pathSet>config.hardware.device</pathSet></propSet>' +
        '<objectSet><obj type="Folder">group-d1</obj><skip>true</skip>' +
        '<selectSet xsi:type="TraversalSpec"><name>folders</name><type>Folder</type><path>childEntity</path>' +
        '<skip>false</skip><selectSet><name>folders</name></selectSet></selectSet></objectSet>' +
        '<reportMissingObjectsInResults>true</reportMissingObjectsInResults></spec>' +
        '<partialUpdates>false</partialUpdates></CreateFilter></soap:Body></soap:Envelope>',
    );
    expect(headers).toEqual({ 'Content-Type': 'text/xml; charset=utf-8', SOAPAction: '"urn:vim25/6.7"' });
  });

  test('of the storage policy service are in its own namespace, with a header of their own', async () => {
    const pbm = await SoapClient.create('https://vcenter.example/pbm', 'pbm');
    let sent: [string, unknown] = ['', undefined];
    const send = (body: string, headers: unknown): Promise<void> => {
      sent = [body, headers];
      return Promise.reject(new Error('sent'));
    };
    const target = { type: 'PbmPlacementSolver', value: 'placementSolver' };
    const call = (header?: Record<string, string>) =>
      pbm.call('PbmQueryMatchingHub', target, sampleCalls.PbmQueryMatchingHub, send, header);
    const envelope = (header: string) =>
      '<?xml version="1.0" encoding="utf-8"?>' +
      '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" >' +
      `${header}<soap:Body><PbmQueryMatchingHub xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns="urn:pbm">` +
      '<_this type="PbmPlacementSolver">placementSolver</_this>' +
      '<hubsToSearch><hubType>Datastore</hubType><hubId>datastore-1</hubId></hubsToSearch>' +
      '<profile><uniqueId>p-1</uniqueId></profile></PbmQueryMatchingHub></soap:Body></soap:Envelope>';

    await expect(call({ vcSessionCookie: 'a<b' })).rejects.toThrow('sent');
    expect(sent).toEqual([
      envelope('<soap:Header><vcSessionCookie>a&lt;b</vcSessionCookie></soap:Header>'),
      { 'Content-Type': 'text/xml; charset=utf-8', SOAPAction: '"urn:pbm/2.0"' },
    ]);
    // And is not kept for the next call.
    await expect(call()).rejects.toThrow('sent');
    expect(sent[0]).toBe(envelope(''));
  });

  test('what looks like a CDATA section stays text', async () => {
    const annotation = '<![CDATA[x]]></annotation><evil/><![CDATA[]]>';
    const name = '<![CDATA[&amp;]]>';
    const extraConfig = [{ key: 'k', value: annotation }];
    const [body] = await envelopeOf(client, 'ReconfigVM_Task', { spec: { name, annotation, extraConfig } });
    expect(body).not.toContain('<evil');
    expect(body).not.toContain('<![CDATA[');
    expect(body).toContain('<name>&lt;![CDATA[&amp;amp;]]&gt;</name>');
  });

  test('the client keeps no password', async () => {
    await envelopeOf(client, 'Login', { userName: 'u', password: 'hunter2hunter2' });
    const { inspect } = await import('node:util');
    expect(inspect(client, { depth: 20, showHidden: true })).not.toContain('hunter2');
  });

  const xmllint = spawnSync('xmllint', ['--version']).status === 0;
  const validated = needing(hasXsd && xmllint, "vSphere's schemas (../shared/wsdl) or xmllint are not here");

  validated.describe("are valid by vSphere's schemas", () => {
    let directory: string;
    beforeAll(async () => {
      directory = mkdtempSync(path.join(tmpdir(), 'vim-wire-'));
      for (const name of names) {
        const [body] = await envelopeOf(client, name, sampleCalls[name]);
        writeFileSync(path.join(directory, `${name}.xml`), bodyElement(body));
      }
    });
    afterAll(() => {
      rmSync(directory, { recursive: true });
    });

    const validate = (...files: string[]): { status: number | null; stderr: string } =>
      spawnSync('xmllint', ['--noout', '--schema', path.join(xsdDirectory, 'vim-elements.xsd'), ...files], {
        encoding: 'utf8',
      });

    test('every method', () => {
      const { status, stderr } = validate(...names.map((name) => path.join(directory, `${name}.xml`)));
      expect(stderr.split('\n').filter((line) => !line.endsWith(' validates'))).toEqual(['']);
      expect(status).toBe(0);
    });

    test('and the check would notice another order', () => {
      const file = path.join(directory, 'disordered.xml');
      const valid = execFileSync('cat', [path.join(directory, 'CreateFilter.xml')], { encoding: 'utf8' });
      writeFileSync(file, valid.replace(/(<type>.*?<\/type>)(<all>.*?<\/all>)/, '$2$1'));
      expect(validate(file).status).not.toBe(0);
    });
  });

  test('every method has a sample', () => {
    expect(Object.keys(sampleCalls).sort()).toEqual(Object.keys(methods).sort());
  });

  test('a reply is read', async () => {
    const reply = resultEnvelope('CurrentTime', '<returnval>2026-01-01T00:00:00Z</returnval>');
    const target = { type: 'ServiceInstance', value: 'ServiceInstance' };
    const send: SendEnvelope = async (_body, _headers, sink) => {
      sink.write(reply);
    };
    expect(await client.call('CurrentTime', target, {}, send)).toBe('2026-01-01T00:00:00Z');
  });
});

/** The element in the SOAP body, with the namespaces that the envelope declares. */
function bodyElement(envelope: string): string {
  const element = /<soap:Body>(.*)<\/soap:Body>/s.exec(envelope)?.[1] ?? '';
  return element.replace(/^<\w+/, '$& xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"');
}
