import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';
import type { Simulator } from '../../../src/simulator/index.js';
import { all, at, parse, textAt, type XmlNode } from './xml-node.js';

/** What came back over HTTP. */
export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A fault, as it came. */
export class SoapFault extends Error {
  readonly type: string;
  readonly detail: XmlNode;

  constructor(type: string, message: string, detail: XmlNode) {
    super(`${type}: ${message}`);
    this.type = type;
    this.detail = detail;
  }
}

export interface Ref {
  readonly type: string;
  readonly value: string;
}

/** The few lines of a client that a test needs, sending exactly what it is told to. */
export class SoapClient {
  readonly simulator: Simulator;
  readonly #agent: Agent;
  cookie: string | undefined;

  constructor(simulator: Simulator) {
    this.simulator = simulator;
    this.#agent = new Agent({ ca: simulator.ca, keepAlive: true });
  }

  static async connect(simulator: Simulator): Promise<SoapClient> {
    const client = new SoapClient(simulator);
    await client.login();
    return client;
  }

  async login(password = this.simulator.password): Promise<XmlNode> {
    const { username } = this.simulator;
    return this.call(
      'Login',
      this.manager('SessionManager'),
      `<userName>${username}</userName><password>${password}</password>`,
    );
  }

  /** A manager's reference. */
  manager(type: string): Ref {
    const esxi: Record<string, string> = {
      SessionManager: 'ha-sessionmgr',
      PropertyCollector: 'ha-property-collector',
      SearchIndex: 'ha-searchindex',
      FileManager: 'ha-nfc-file-manager',
      VirtualDiskManager: 'ha-vdiskmanager',
      TaskManager: 'ha-taskmgr',
    };
    const vcenter: Record<string, string> = {
      PropertyCollector: 'propertyCollector',
      VirtualDiskManager: 'virtualDiskManager',
    };
    return { type, value: (this.simulator.mode === 'esxi' ? esxi : vcenter)[type] ?? type };
  }

  /** Calls a method; `args` is the XML after `_this`. Resolves with the response element. */
  async call(method: string, target: Ref, args = ''): Promise<XmlNode> {
    const reply = await this.post(envelope(method, `${ref('_this', target)}${args}`));
    if (!reply.headers['content-type']?.startsWith('text/xml')) throw new Error(`HTTP ${reply.status}: ${reply.body}`);
    const body = at(parse(reply.body), 'soapenv:Body');
    const fault = at(body, 'soapenv:Fault');
    if (fault !== undefined) {
      const detail = at(fault, 'detail')!.children[0]!;
      if (reply.status !== 500) throw new Error(`a fault came with status ${reply.status}`);
      if (detail.name !== `${detail.attributes['xsi:type']}Fault`)
        throw new Error(`a fault's detail is ${detail.name}`);
      throw new SoapFault(detail.attributes['xsi:type']!, textAt(fault, 'faultstring') ?? '', detail);
    }
    const [response] = body!.children;
    if (response?.name !== `${method}Response` || reply.status !== 200)
      throw new Error(`unexpected reply: ${reply.body}`);
    return response;
  }

  /** A method's single result, a reference. */
  async callForRef(method: string, target: Ref, args = ''): Promise<Ref> {
    return refOf(at(await this.call(method, target, args), 'returnval')!);
  }

  /** Starts a task and waits for its end. Resolves with its info. */
  async task(method: string, target: Ref, args = ''): Promise<XmlNode> {
    const info = await this.taskEnd(await this.callForRef(method, target, args));
    if (textAt(info, 'state') !== 'success') {
      const fault = at(info, 'error.fault')!;
      throw new SoapFault(fault.attributes['xsi:type']!, textAt(info, 'error.localizedMessage') ?? '', fault);
    }
    return info;
  }

  async taskEnd(task: Ref): Promise<XmlNode> {
    for (;;) {
      const info = (await this.property(task, 'info'))!;
      if (['success', 'error'].includes(textAt(info, 'state')!)) return info;
    }
  }

  /** One property's value element, or undefined where it is unset. */
  async property(object: Ref, path: string): Promise<XmlNode | undefined> {
    const response = await this.call(
      'RetrievePropertiesEx',
      this.manager('PropertyCollector'),
      `<specSet><propSet><type>${object.type}</type><pathSet>${path}</pathSet></propSet>` +
        `<objectSet>${ref('obj', object)}</objectSet></specSet><options/>`,
    );
    return at(response, 'returnval.objects.propSet.val');
  }

  /** Sends a body as it is. */
  post(body: string, headers: Record<string, string> = {}): Promise<HttpReply> {
    const cookie = this.cookie === undefined ? {} : { Cookie: this.cookie };
    const all = { 'Content-Type': 'text/xml; charset=utf-8', SOAPAction: '"urn:vim25/6.7"', ...cookie, ...headers };
    return this.http('POST', '/sdk', all, body);
  }

  http(method: string, path: string, headers: Record<string, string>, body = ''): Promise<HttpReply> {
    return new Promise((resolve, reject) => {
      const { host, port } = this.simulator;
      const outgoing = request({ host, port, path, method, headers, agent: this.#agent }, (response) => {
        const [setCookie] = response.headers['set-cookie'] ?? [];
        if (setCookie !== undefined) this.cookie = setCookie.split(';')[0];
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks).toString() });
        });
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

export function envelope(method: string, content: string): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" ' +
    'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>' +
    `<${method} xmlns="urn:vim25">${content}</${method}></soapenv:Body></soapenv:Envelope>`
  );
}

/** A reference as an element. */
export function ref(name: string, { type, value }: Ref): string {
  return `<${name} type="${type}">${value}</${name}>`;
}

export function refOf(node: XmlNode): Ref {
  return { type: node.attributes['type']!, value: node.text };
}

export function refsOf(node: XmlNode | undefined): Ref[] {
  return all(node, 'ManagedObjectReference').map(refOf);
}
