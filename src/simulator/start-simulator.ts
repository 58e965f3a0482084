import type { IncomingMessage, ServerResponse } from 'node:http';
import { dir } from 'tmp-promise';
import { CallFaults } from './call-faults.js';
import { CallListeners } from './call-listeners.js';
import { CallLog } from './call-log.js';
import { createAuthority } from './certificate.js';
import { DatastoreAccess } from './datastore-access.js';
import { HttpsServer } from './https-server.js';
import { NfcService } from './nfc/nfc-service.js';
import { TransferFaults } from './nfc/transfer-faults.js';
import { resolveOptions, type SimulatorOptions } from './options.js';
import { pbmService } from './services/pbm-service.js';
import { vimService } from './services/vim-service.js';
import { Simulator } from './simulator.js';
import { SoapEndpoint } from './soap-endpoint.js';
import { versionsDocument } from './versions-document.js';
import { World } from './world.js';

/**
 * Starts a vCenter or an ESXi host within this process, on loopback, over HTTPS.
 *
 * Any number can run at once. Close it, or declare it with `await using`: until then it keeps the process alive.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const settings = resolveOptions(options);
  const temporary = await dir({
    prefix: 'vmdk-driver-simulator-',
    unsafeCleanup: true,
    ...(settings.directory === undefined ? {} : { tmpdir: settings.directory }),
  });
  const servers: HttpsServer[] = [];
  const world = new World(settings, temporary.path);
  const close = async (): Promise<void> => {
    world.close();
    await Promise.all(servers.map((server) => server.close()));
    await world.freeDisks();
    await temporary.cleanup();
  };
  try {
    const log = new CallLog(world.clock, settings.rememberedCalls);
    const callFaults = new CallFaults();
    const transferFaults = new TransferFaults();
    const listeners = new CallListeners();
    const hooks = { log, faults: callFaults, listeners };
    const soap = new SoapEndpoint(world, vimService(world), hooks);
    const policies = new SoapEndpoint(world, pbmService(world), hooks);
    const nfc = new NfcService(world, transferFaults);
    const datastores = new DatastoreAccess(world);
    const authority = await createAuthority();
    const { host } = settings;

    const handler = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const { method, url = '/' } = request;
      if (method === 'POST' && /^\/sdk\/?$/.test(url)) await soap.handle(request, response);
      else if (method === 'POST' && /^\/pbm\/?(?:sdk)?$/.test(url) && settings.mode === 'vcenter') {
        if (settings.storagePolicyService) await policies.handle(request, response);
        else refuse(response, 503, 'Service Unavailable');
      } else if (method === 'GET' && url === '/sdk/vimServiceVersions.xml') versionsDocument(response);
      else if (DatastoreAccess.serves(url)) await datastores.handle(request, response);
      else if (!settings.separateNfcServer && NfcService.serves(url)) await nfc.handle(request, response);
      else notFound(response);
    };
    const certificate = await authority.issue(settings.mode === 'vcenter' ? 'vcenter.example' : 'esxi.example', host);
    const server = await HttpsServer.start({ host, port: settings.port, certificate, handler });
    servers.push(server);

    let nfcServer = server;
    if (settings.separateNfcServer) {
      nfcServer = await HttpsServer.start({
        host,
        port: 0,
        certificate: await authority.issue('esx1.example', host),
        handler: async (request, response) => {
          if (NfcService.serves(request.url ?? '/')) await nfc.handle(request, response);
          else notFound(response);
        },
      });
      servers.push(nfcServer);
    }
    world.leases.endpoint = { host, port: nfcServer.port, certificate: nfcServer.certificate };

    return new Simulator({
      world,
      log,
      callFaults,
      transferFaults,
      listeners,
      host,
      port: server.port,
      thumbprint: certificate.thumbprint,
      thumbprintSha256: certificate.thumbprintSha256,
      ca: authority.cert,
      close,
    });
  } catch (error) {
    await close();
    throw error;
  }
}

function notFound(response: ServerResponse): void {
  refuse(response, 404, 'not found');
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain', Connection: 'close' }).end(message);
}
