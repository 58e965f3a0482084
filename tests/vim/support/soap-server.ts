import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { makeCertificate, type TestCertificate } from './certificate.js';

export interface SoapCall {
  readonly method: string;
  readonly body: string;
  readonly cookie: string | undefined;
  readonly request: IncomingMessage;
}

/** What a handler says: the content of the response element, a fault, or its own handling of the reply. */
export type SoapAnswer =
  | string
  | { readonly fault: string; readonly message?: string; readonly detail?: string; readonly element?: string }
  | ((response: ServerResponse) => void);

export type SoapHandler = (call: SoapCall) => SoapAnswer | Promise<SoapAnswer>;

export const password = 'S3cret&Pass<word>';
export const username = 'backup@vsphere.local';

const envelope = (content: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<soapenv:Envelope xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/" ` +
  `xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" ` +
  `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n<soapenv:Body>\n${content}\n</soapenv:Body>\n</soapenv:Envelope>`;

export const resultEnvelope = (method: string, content: string): string =>
  envelope(`<${method}Response xmlns="urn:vim25">${content}</${method}Response>`);

export const faultEnvelope = (fault: string, message = '', detail = '', element = `${fault}Fault`): string =>
  envelope(
    `<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>${message}</faultstring>` +
      `<detail><${element} xmlns="urn:vim25" xsi:type="${fault}">${detail}</${element}></detail></soapenv:Fault>`,
  );

export const about =
  '<about><name>VMware vCenter Server</name><fullName>VMware vCenter Server 7.0.3</fullName><vendor>VMware, Inc.</vendor>' +
  '<version>7.0.3</version><build>1</build><osType>linux-x64</osType><productLineId>vpx</productLineId>' +
  '<apiType>VirtualCenter</apiType><apiVersion>7.0.3.0</apiVersion></about>';

export const serviceContent =
  '<returnval><rootFolder type="Folder">group-d1</rootFolder>' +
  '<propertyCollector type="PropertyCollector">propertyCollector</propertyCollector>' +
  `<viewManager type="ViewManager">ViewManager</viewManager>${about}` +
  '<setting type="OptionManager">VpxSettings</setting>' +
  '<sessionManager type="SessionManager">SessionManager</sessionManager></returnval>';

const userSession =
  `<returnval><key>52-key</key><userName>VSPHERE.LOCAL\\backup</userName><fullName>Backup</fullName>` +
  '<loginTime>2026-01-01T00:00:00Z</loginTime><lastActiveTime>2026-01-01T00:00:00Z</lastActiveTime>' +
  '<locale>en</locale><messageLocale>en</messageLocale></returnval>';

/**
 * An HTTPS server that answers SOAP calls as vCenter words its answers. It has sessions with cookies, and whatever
 * methods a test gives it.
 */
export class SoapServer implements AsyncDisposable {
  readonly calls: SoapCall[] = [];
  readonly sessions = new Set<string>();
  /** Every cookie value it ever gave out. */
  readonly cookies: string[] = [];
  readonly handlers: Record<string, SoapHandler> = {};
  /** What answers requests other than to the SOAP endpoint. */
  onRequest: (request: IncomingMessage, response: ServerResponse) => unknown = (_request, response) => {
    response.writeHead(404).end();
  };
  acceptedPassword = password;
  connections = 0;

  private constructor(
    readonly server: Server,
    readonly certificate: TestCertificate,
  ) {
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      if (request.url === '/sdk') void this.#soap(request, response);
      else this.onRequest(request, response);
    });
    server.on('connection', () => this.connections++);
  }

  static async start(certificate?: TestCertificate, host = '127.0.0.1'): Promise<SoapServer> {
    const used = certificate ?? (await makeCertificate());
    const server = createServer({ key: used.key, cert: used.cert });
    server.listen(0, host);
    await once(server, 'listening');
    return new SoapServer(server, used);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Options of a session with this server. */
  get options(): { host: string; port: number; username: string; password: string; thumbprint: string } {
    return { host: '127.0.0.1', port: this.port, username, password, thumbprint: this.certificate.sha256 };
  }

  count(method: string): number {
    return this.calls.filter((call) => call.method === method).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  async #soap(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const method = /<soap:Body><(\w+)/.exec(body)?.[1] ?? 'unknown';
    const call = { method, body, cookie: request.headers.cookie, request };
    this.calls.push(call);
    const answer = await (this.handlers[method] ?? ((given) => this.#standard(given, response)))(call);
    if (typeof answer === 'function') {
      answer(response);
      return;
    }
    const status = typeof answer === 'string' ? 200 : 500;
    const text =
      typeof answer === 'string'
        ? resultEnvelope(method, answer)
        : faultEnvelope(answer.fault, answer.message, answer.detail, answer.element);
    response.writeHead(status, { 'Content-Type': 'text/xml; charset=utf-8' }).end(text);
  }

  /** Whether the call's cookie is that of a session. */
  isAuthenticated({ cookie }: SoapCall): boolean {
    const value = /vmware_soap_session="([^"]+)"/.exec(cookie ?? '')?.[1];
    return value !== undefined && this.sessions.has(value);
  }

  #standard(call: SoapCall, response: ServerResponse): SoapAnswer {
    switch (call.method) {
      case 'RetrieveServiceContent':
        return serviceContent;
      case 'Login': {
        const given = /<password>([^<]*)</.exec(call.body)?.[1];
        const expected = this.acceptedPassword.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
        if (given !== expected) return { fault: 'InvalidLogin', message: 'Cannot complete login.' };
        const value = `cookie-value-${this.cookies.length}-5f2a`;
        this.cookies.push(value);
        this.sessions.add(value);
        response.setHeader('Set-Cookie', `vmware_soap_session="${value}"; Path=/; HttpOnly; Secure; `);
        return userSession;
      }
    }
    if (!this.isAuthenticated(call)) {
      return { fault: 'NotAuthenticated', message: 'The session is not authenticated.', detail: notAuthenticated };
    }
    switch (call.method) {
      case 'Logout':
        this.sessions.clear();
        return '';
      case 'CurrentTime':
        return '<returnval>2026-01-01T00:00:00Z</returnval>';
      default:
        return { fault: 'NotSupported', message: `no ${call.method} here` };
    }
  }
}

const notAuthenticated = '<object type="Folder">group-d1</object><privilegeId>System.View</privilegeId>';
