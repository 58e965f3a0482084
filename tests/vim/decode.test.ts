import { beforeAll, describe, expect, test } from '@jest/globals';
import { conform } from '../../src/vim/codec/index.js';
import { NoEnvelopeError } from '../../src/vim/http/reply-sink.js';
import { type MethodName, methods } from '../../src/vim/schema/index.js';
import { SoapClient } from '../../src/vim/soap/soap-client.js';
import { failureOf } from './support/failure.js';
import { resultEnvelope } from './support/soap-server.js';

let client: SoapClient;
beforeAll(async () => {
  client = await SoapClient.create('https://vcenter.example/sdk');
});

const receive = (method: MethodName, envelope: string): Promise<unknown> =>
  client.call(
    method,
    { type: methods[method].on, value: 'x' },
    method === 'WaitForUpdatesEx' ? {} : (args[method] ?? {}),
    async (_body, _headers, reply) => {
      reply.write(envelope);
      reply.end();
    },
  );

const args: Partial<Record<MethodName, object>> = {
  RetrievePropertiesEx: {
    specSet: [{ propSet: [{ type: 'Task' }], objectSet: [{ obj: { type: 'Task', value: 't' } }] }],
    options: {},
  },
  FindAllByUuid: { uuid: 'u', vmSearch: true },
  FindByUuid: { uuid: 'u', vmSearch: true },
  QueryVirtualDiskUuid: { name: 'n' },
  SessionIsActive: { sessionID: 's', userName: 'u' },
};

/** A property's value, the way it comes. */
async function valueOf(val: string): Promise<unknown> {
  const content = `<returnval><objects><obj type="Task">t</obj><propSet><name>p</name>${val}</propSet></objects></returnval>`;
  const result = await receive('RetrievePropertiesEx', resultEnvelope('RetrievePropertiesEx', content));
  return (result as { objects: { propSet: { val: unknown }[] }[] }).objects[0]!.propSet[0]!.val;
}

describe('decode', () => {
  test.each([
    ['<val xsi:type="xsd:string">a &amp; b &lt;c&gt; &#x1F4BE;&#10;</val>', 'a & b <c> \u{1f4be}\n'],
    ['<val xsi:type="xsd:string">  kept  </val>', '  kept  '],
    ['<val xsi:type="xsd:string"></val>', ''],
    ['<val xsi:type="xsd:string"/>', ''],
    ['<val xsi:type="xsd:string">42</val>', '42'],
    ['<val xsi:type="xsd:int">-42</val>', -42],
    ['<val xsi:type="xsd:long">9007199254740991</val>', 9007199254740991],
    ['<val xsi:type="xsd:boolean">true</val>', true],
    ['<val xsi:type="xsd:boolean">0</val>', false],
    ['<val xsi:type="xsd:dateTime">2026-01-01T00:00:00.123456Z</val>', '2026-01-01T00:00:00.123456Z'],
    ['<val xsi:type="TaskInfoState">running</val>', 'running'],
    ['<val>untyped</val>', 'untyped'],
    ['<val></val>', ''],
    ['<val xsi:type="ManagedObjectReference" type="Folder">group-v3</val>', { type: 'Folder', value: 'group-v3' }],
    ['<val type="Folder">group-v3</val>', { type: 'Folder', value: 'group-v3' }],
    [
      '<val xmlns:XMLSchema-instance="http://www.w3.org/2001/XMLSchema-instance" XMLSchema-instance:type="xsd:int">1</val>',
      1,
    ],
    [
      '<val xmlns:vim25="urn:vim25" xsi:type="vim25:KeyValue"><key>k</key><value>v</value></val>',
      { _type: 'KeyValue', key: 'k', value: 'v' },
    ],
    ['<val xsi:type="ArrayOfString"><string>one</string></val>', ['one']],
    ['<val xsi:type="ArrayOfString"><string>one</string><string></string></val>', ['one', '']],
    ['<val xsi:type="ArrayOfString"></val>', []],
    ['<val xsi:type="ArrayOfInt"><int>1</int></val>', [1]],
    [
      '<val xsi:type="ArrayOfManagedObjectReference"><ManagedObjectReference xsi:type="ManagedObjectReference" type="Datastore">ds</ManagedObjectReference></val>',
      [{ type: 'Datastore', value: 'ds' }],
    ],
    [
      '<val xsi:type="ArrayOfOptionValue"><OptionValue xsi:type="OptionValue"><key>k</key><value xsi:type="xsd:string">7</value></OptionValue></val>',
      [{ key: 'k', value: '7' }],
    ],
    [
      '<val xsi:type="SomethingNew"><name>n</name><list>1</list><list>2</list><deep><ref type="VirtualMachine">vm-1</ref></deep></val>',
      { _type: 'SomethingNew', name: 'n', list: ['1', '2'], deep: { ref: { type: 'VirtualMachine', value: 'vm-1' } } },
    ],
  ])('%s', async (val, expected) => {
    expect(await valueOf(val)).toEqual(expected);
  });

  test('devices of unknown types keep their name and what they share', async () => {
    const val =
      '<val xsi:type="ArrayOfVirtualDevice">' +
      '<VirtualDevice xsi:type="VirtualVMCIDevice"><key>12000</key><deviceInfo><label>VMCI</label></deviceInfo><id>5</id></VirtualDevice>' +
      '<VirtualDevice xsi:type="VirtualDisk"><key>2000</key><backing xsi:type="VirtualDiskFlatVer2BackingInfo">' +
      '<fileName>[ds] a/a.vmdk</fileName><diskMode>persistent</diskMode><somethingNew>false</somethingNew></backing>' +
      '<controllerKey>1000</controllerKey><unitNumber>0</unitNumber><capacityInKB>1048576</capacityInKB></VirtualDevice></val>';
    expect(await valueOf(val)).toEqual([
      { _type: 'VirtualVMCIDevice', key: 12000 },
      {
        _type: 'VirtualDisk',
        key: 2000,
        backing: { _type: 'VirtualDiskFlatVer2BackingInfo', fileName: '[ds] a/a.vmdk', diskMode: 'persistent' },
        controllerKey: 1000,
        unitNumber: 0,
        capacityInKB: 1048576,
      },
    ]);
  });

  test.each<[string, unknown]>([
    ['<val xsi:type="xsd:long">9223372036854775807</val>', '9223372036854775807'],
    ['<val xsi:type="xsd:long">-9223372036854775808</val>', '-9223372036854775808'],
    ['<val xsi:type="xsd:int">4x</val>', '4x'],
    ['<val xsi:type="xsd:int"></val>', ''],
    ['<val xsi:type="xsd:boolean">yes</val>', 'yes'],
    ['<val xsi:type="ManagedObjectReference">vm-1</val>', 'vm-1'],
    ['<val xsi:type="VirtualDisk"><key>1</key></val>', { _type: 'VirtualDisk', key: 1 }],
    ['<val xsi:type="KeyValue">text</val>', { _type: 'KeyValue' }],
    ['<val xsi:type="KeyValue"><key>a</key><key>b</key></val>', { _type: 'KeyValue', key: ['a', 'b'] }],
    [
      '<val xsi:type="ArrayOfVirtualDevice"><VirtualDevice><key>1</key></VirtualDevice></val>',
      [{ _type: 'VirtualDevice', key: 1 }],
    ],
    [
      '<val xsi:type="ArrayOfVirtualDevice"><VirtualDevice xsi:type="KeyValue"><key>1</key></VirtualDevice></val>',
      [{ _type: 'KeyValue', key: '1' }],
    ],
  ])('%s, which is not what it says, is left to whoever reads it', async (val, expected) => {
    expect(await valueOf(val)).toEqual(expected);
  });

  test.each([
    ['<val xsi:type="xsd:string"><a/></val>', 'elements where text'],
    ['<val>a</val><val>b</val>', 'propSet[0].val: several elements'],
    ['', 'propSet[0].val: missing'],
  ])('refuses %s', async (val, message) => {
    const error = await failureOf(valueOf(val));
    expect(error).toMatchObject({ code: 'VIM_PROTOCOL' });
    expect(error.message).toContain(message);
  });

  test.each([
    ['QueryVirtualDiskUuid', '<returnval/><returnval/>', 'returnval: several elements'],
    ['CurrentTime', '', 'CurrentTime.returnval: missing'],
    ['SessionIsActive', '<returnval>perhaps</returnval>', 'returnval: is no boolean'],
    [
      'FindAllByUuid',
      '<returnval type="VirtualMachine">vm-1</returnval><returnval>vm-2</returnval>',
      'FindAllByUuid.returnval[1]: is no managed object reference',
    ],
    [
      'RetrieveServiceContent',
      '<returnval><rootFolder type="Folder">f</rootFolder></returnval>',
      'returnval.propertyCollector: missing',
    ],
  ] as const)('a result is what its method says: %s', async (method, content, message) => {
    const error = await failureOf(receive(method, resultEnvelope(method, content)));
    expect(error).toMatchObject({ code: 'VIM_PROTOCOL' });
    expect(error.message).toContain(message);
  });

  test('a fault is a fault with whatever it lacks', async () => {
    const content = (fault: string): string =>
      `<returnval><objects><obj type="Task">t</obj><missingSet><path>info</path>${fault}</missingSet></objects></returnval>`;
    const faultIn = async (fault: string): Promise<unknown> => {
      const result = await receive('RetrievePropertiesEx', resultEnvelope('RetrievePropertiesEx', content(fault)));
      return (result as { objects: { missingSet: { fault: unknown }[] }[] }).objects[0]!.missingSet[0]!.fault;
    };
    expect(await faultIn('<fault><fault xsi:type="ManagedObjectNotFound"/></fault>')).toEqual({
      fault: { _type: 'ManagedObjectNotFound' },
    });
    expect(await faultIn('<fault><fault xsi:type="SomethingNew"><a>1</a></fault></fault>')).toEqual({
      fault: { _type: 'SomethingNew' },
    });
    expect(await faultIn('<fault/>')).toEqual({ fault: { _type: 'MethodFault' } });
    expect(await valueOf('<val xsi:type="LocalizedMethodFault"><localizedMessage>m</localizedMessage></val>')).toEqual({
      fault: { _type: 'MethodFault' },
      localizedMessage: 'm',
    });
  });

  test('results: none, one, several', async () => {
    const find = (content: string) => receive('FindAllByUuid', resultEnvelope('FindAllByUuid', content));
    expect(await find('')).toBeUndefined();
    const one = '<returnval type="VirtualMachine">vm-1</returnval>';
    expect(await find(one)).toEqual([{ type: 'VirtualMachine', value: 'vm-1' }]);
    expect(await find(one + one)).toHaveLength(2);
    expect(await receive('FindByUuid', resultEnvelope('FindByUuid', ''))).toBeUndefined();
    expect(await receive('QueryVirtualDiskUuid', resultEnvelope('QueryVirtualDiskUuid', '<returnval/>'))).toBe('');
    expect(await receive('Logout', resultEnvelope('Logout', ''))).toBeUndefined();
    expect(await receive('WaitForUpdatesEx', resultEnvelope('WaitForUpdatesEx', ''))).toBeUndefined();
  });

  test("a Go server's prefixes", async () => {
    const envelope =
      '<?xml version="1.0" encoding="UTF-8"?>\n<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" ' +
      'xmlns:vim25="urn:vim25"><soapenv:Body><vim25:RetrievePropertiesExResponse xmlns="urn:vim25"><returnval><objects>' +
      '<obj type="Task">t</obj><propSet><name>info.state</name><val xmlns:XMLSchema-instance="http://www.w3.org/2001/XMLSchema-instance" ' +
      'XMLSchema-instance:type="TaskInfoState">success</val></propSet></objects></returnval></vim25:RetrievePropertiesExResponse>' +
      '</soapenv:Body></soapenv:Envelope>';
    expect(await receive('RetrievePropertiesEx', envelope)).toEqual({
      objects: [{ obj: { type: 'Task', value: 't' }, propSet: [{ name: 'info.state', val: 'success' }] }],
    });
  });

  test.each([
    [
      'an empty body',
      '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body/></soapenv:Envelope>',
    ],
    ['no body', '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"></soapenv:Envelope>'],
    ["another method's answer", resultEnvelope('Logout', '')],
  ])('%s is a protocol error', async (_name, envelope) => {
    expect(await failureOf(receive('CurrentTime', envelope))).toMatchObject({ code: 'VIM_PROTOCOL' });
    expect(await failureOf(receive('QueryVirtualDiskUuid', envelope))).toMatchObject({ code: 'VIM_PROTOCOL' });
  });

  test.each([
    ['cut', resultEnvelope('CurrentTime', '<returnval>2026').slice(0, -120)],
    ['missing', ''],
    ['a page', '<html><body>Envelope Envelope</body></html>'],
    ['no XML', 'Service Unavailable <'],
    ['a page with a document type', '<!DOCTYPE html><html></html>'],
  ])('an envelope that is %s is none', async (_name, envelope) => {
    await expect(receive('CurrentTime', envelope)).rejects.toBeInstanceOf(NoEnvelopeError);
  });

  test("a void method's answer must be its answer", async () => {
    const empty =
      '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body/></soapenv:Envelope>';
    expect(await failureOf(receive('Logout', empty))).toMatchObject({ code: 'VIM_PROTOCOL' });
  });
});

describe('conform', () => {
  const conformed = (spec: string, value: unknown): unknown => {
    const steps = conform(spec, value, 'p');
    for (;;) {
      const { done, value: result } = steps.next();
      if (done === true) return result;
    }
  };

  test.each<[string, unknown, unknown]>([
    ['long', '5', 5],
    ['long', '9223372036854775807', Number.MAX_SAFE_INTEGER],
    ['long', '-9223372036854775808', Number.MIN_SAFE_INTEGER],
    ['LocalizedMethodFault?', { fault: { _type: 'NoDiskSpace' } }, { fault: { _type: 'NoDiskSpace' } }],
    ['LocalizedMethodFault?', '', { fault: { _type: 'MethodFault' } }],
    ['string', 5, '5'],
    ['boolean', 'true', true],
    ['ref[]?', { type: 'Folder', value: 'a' }, [{ type: 'Folder', value: 'a' }]],
    ['ref[]?', { ManagedObjectReference: [{ type: 'Folder', value: 'a' }] }, [{ type: 'Folder', value: 'a' }]],
    ['ref[]?', '', []],
    ['ref[]', undefined, []],
    ['ref?', undefined, undefined],
    [
      'HostRuntimeInfo',
      { connectionState: 'connected', powerState: 'poweredOn', inMaintenanceMode: 'false', more: 1 },
      { connectionState: 'connected', powerState: 'poweredOn', inMaintenanceMode: false },
    ],
    ['OptionValue[]?', { OptionValue: { key: 'k', value: 'v' } }, [{ key: 'k', value: 'v' }]],
  ])('%s of %p', (spec, value, expected) => {
    expect(conformed(spec, value)).toEqual(expected);
  });

  test.each<[string, unknown]>([
    ['long', 'x'],
    ['ref', 'vm-1'],
    ['string', { a: 1 }],
    ['DatastoreSummary', { name: 'n' }],
    ['VirtualDevice', { key: 1 }],
    ['VirtualDevice', { _type: 'KeyValue', key: 'k' }],
    ['string', undefined],
  ])('refuses as %s: %p', (spec, value) => {
    expect(() => conformed(spec, value)).toThrow(expect.objectContaining({ code: 'VIM_PROTOCOL' }));
  });
});
