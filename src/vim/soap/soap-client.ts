import type { Client, IHttpClient } from 'soap';
import { InvalidInputError, VimProtocolError } from '../../errors/index.js';
import { decodeResult, encodeCall, type WireNode } from '../codec/index.js';
import { attributesKey, isWireElement } from '../codec/wire-node.js';
import type { SoapReply } from '../http/soap-transport.js';
import type { MethodName, MoRef, ServiceName } from '../schema/index.js';
import { faultOf } from './fault.js';
import { skeletonWsdl } from './skeleton-wsdl.js';

/** Carries one envelope to the server and brings back the answer. */
export type SendEnvelope = (body: string, headers: Readonly<Record<string, string>>) => Promise<SoapReply>;

/** The per-call options that node-soap hands through to its HTTP client. */
interface CallOptions {
  readonly send: SendEnvelope;
  /** Takes the reason where there is no reply. */
  readonly undelivered: (error: Error) => void;
}

type SoapMethod = (args: object, done: (error: unknown, response: WireNode) => void, options: CallOptions) => void;

/** The elements of an envelope's header, by name. They are in no namespace. */
export type SoapHeader = Readonly<Record<string, string>>;

/** Turns method calls of one service into SOAP envelopes and back, by node-soap and the schema table. */
export class SoapClient {
  readonly #client: Client;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async create(endpoint: string, service: ServiceName = 'vim25'): Promise<SoapClient> {
    const { createClientAsync } = await import('soap');
    const client = await createClientAsync(skeletonWsdl(service, endpoint), {
      // The cache is the process's, and a client writes its own options into what it takes from there.
      disableCache: true,
      attributesKey,
      preserveWhitespace: true,
      httpClient: { request } as unknown as IHttpClient,
    });
    return new SoapClient(client);
  }

  /**
   * @param send carries the envelope; what it rejects with is what the call rejects with
   * @param clean takes secrets out of what the server wrote
   * @param header what the envelope's header holds
   * @throws VimFault, VimProtocolError, InvalidInputError
   */
  async call(
    method: MethodName,
    target: MoRef,
    args: object,
    send: SendEnvelope,
    clean: (text: string) => string,
    header?: SoapHeader,
  ): Promise<unknown> {
    const encoded = encodeCall(method, target, args);
    const soapMethod = (this.#client as unknown as Readonly<Record<string, SoapMethod>>)[method];
    if (soapMethod === undefined) throw new InvalidInputError('method', `unknown method ${method}`);
    const response = await new Promise<WireNode>((resolve, reject) => {
      const done = (error: unknown, node: WireNode): void => {
        if (error === null || error === undefined) resolve(node);
        // node-soap's error holds the reply; only what the fault says goes further.
        else reject(errorOf(method, error, clean));
      };
      // node-soap keeps headers for every call, and writes the envelope before this returns.
      if (header !== undefined) this.#client.addSoapHeader(header);
      soapMethod(encoded, done, { send, undelivered: reject });
      this.#forget();
    });
    // An empty answer is `null`. Where the body holds something else or nothing, node-soap gives nothing or the envelope.
    if (response === undefined || (isWireElement(response) && 'Body' in response)) {
      throw new VimProtocolError(`${method}: the reply is not its answer`);
    }
    return decodeResult(method, response);
  }

  /** node-soap keeps the last envelope it wrote, which may hold the password, and headers, which hold the session's cookie. */
  #forget(): void {
    this.#client.clearSoapHeaders();
    Object.assign(this.#client, { lastRequest: undefined, lastMessage: undefined });
  }
}

/** node-soap's HTTP client: hands the envelope to the call's own {@link SendEnvelope}. */
function request(
  _url: string,
  body: string,
  callback: (error: unknown, response?: { status: number; headers: object }, body?: string) => void,
  headers: Readonly<Record<string, string>>,
  { send, undelivered }: CallOptions,
): void {
  send(body, headers).then((reply) => {
    try {
      callback(null, { status: reply.status, headers: {} }, reply.body);
    } catch (error) {
      // node-soap throws out of its callback where an envelope has no body.
      callback(error);
    }
  }, undelivered);
}

function errorOf(method: string, error: unknown, clean: (text: string) => string): Error {
  const root = typeof error === 'object' && error !== null && 'root' in error ? error.root : undefined;
  const envelope =
    typeof root === 'object' && root !== null && 'Envelope' in root ? (root.Envelope as WireNode) : undefined;
  return faultOf(method, envelope, clean) ?? new VimProtocolError(`${method}: the reply is no SOAP envelope`);
}
