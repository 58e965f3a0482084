import type { Client, IHttpClient } from 'soap';
import { InvalidInputError, VimFault, VimProtocolError } from '../../errors/index.js';
import { encodeCall } from '../codec/index.js';
import { attributesKey } from '../codec/wire-node.js';
import type { ReplySink } from '../http/reply-sink.js';
import { mainThread } from '../main-thread.js';
import type { MethodName, MoRef, ServiceName } from '../schema/index.js';
import { ReplyReader } from './reply-reader.js';
import { skeletonWsdl } from './skeleton-wsdl.js';

/** Carries one envelope to the server and has the answer read. */
export type SendEnvelope = (body: string, headers: Readonly<Record<string, string>>, reply: ReplySink) => Promise<void>;

/** An envelope as node-soap wrote it. */
interface Envelope {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The per-call options that node-soap hands through to its HTTP client. */
interface CallOptions {
  readonly written: (envelope: Envelope) => void;
}

type SoapMethod = (args: object, done: (error: unknown) => void, options: CallOptions) => void;

/** The elements of an envelope's header, by name. They are in no namespace. */
export type SoapHeader = Readonly<Record<string, string>>;

/**
 * Turns method calls of one service into SOAP envelopes and back, by the schema table. node-soap writes the envelopes. It
 * reads none: it follows references between elements, into the prototype of every object where they are named so, takes
 * more than proportional time for some replies, and holds the main thread for as long as it reads.
 */
export class SoapClient {
  readonly #client: Client;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async create(endpoint: string, service: ServiceName = 'vim25'): Promise<SoapClient> {
    const { createClientAsync } = await import('./node-soap.js');
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
   * @param header what the envelope's header holds
   * @throws VimFault, VimProtocolError, InvalidInputError
   */
  async call(
    method: MethodName,
    target: MoRef,
    args: object,
    send: SendEnvelope,
    header?: SoapHeader,
  ): Promise<unknown> {
    const write = () => this.#write(method, encodeCall(method, target, args), header);
    const { body, headers } = await mainThread.run(write);
    const reader = new ReplyReader(method);
    await send(body, headers, reader);
    const { reply } = reader;
    switch (reply?.kind) {
      case 'result':
        return reply.value;
      case 'fault':
        throw new VimFault(reply.name ?? 'RuntimeFault', method, reply.message, reply.detail);
      case 'other':
      case undefined:
        throw new VimProtocolError(`${method}: the reply is not its answer`);
    }
  }

  #write(method: MethodName, encoded: object, header: SoapHeader | undefined): Promise<Envelope> {
    const soapMethod = (this.#client as unknown as Readonly<Record<string, SoapMethod>>)[method];
    if (soapMethod === undefined) throw new InvalidInputError('method', `unknown method ${method}`);
    return new Promise((written, reject) => {
      // node-soap keeps headers for every call, and writes the envelope before this returns.
      if (header !== undefined) this.#client.addSoapHeader(header);
      // It is called only where the envelope could not be written.
      soapMethod(encoded, reject, { written });
      this.#forget();
    });
  }

  /** node-soap keeps the last envelope it wrote, which may hold the password, and headers, which hold the session's cookie. */
  #forget(): void {
    this.#client.clearSoapHeaders();
    Object.assign(this.#client, { lastRequest: undefined, lastMessage: undefined });
  }
}

/** node-soap's HTTP client: hands the envelope back, and never answers. */
function request(
  _url: string,
  body: string,
  _callback: unknown,
  headers: Readonly<Record<string, string>>,
  { written }: CallOptions,
): void {
  written({ body, headers });
}
