import type { IncomingMessage, ServerResponse } from 'node:http';
import { Fault } from './fault.js';
import { Datacenter } from './inventory/datacenter.js';
import type { Datastore } from './inventory/datastore.js';
import type { Place } from './inventory/disk-chain.js';
import { directoryOf } from './storage/datastore-path.js';
import { FileContent } from './storage/file-content.js';
import type { World } from './world.js';

/** Why a request is refused. */
interface Refusal {
  readonly status: number;
  readonly message: string;
}

/** Takes files into datastores over HTTPS, at `/folder/<path>?dcPath=<datacenter>&dsName=<datastore>`, for those who are logged in. */
export class DatastoreAccess {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Whether a request is for this service. */
  static serves(url: string): boolean {
    return url.startsWith('/folder/');
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const session = this.#world.sessions.find(request.headers.cookie);
    if (session === undefined) {
      response.setHeader('WWW-Authenticate', 'Basic realm="VMware HTTP server"');
      refuse(request, response, { status: 401, message: 'log in first' });
      return;
    }
    const place =
      request.method === 'PUT' ? this.#place(request.url ?? '') : refusal(405, 'files are only taken, by PUT');
    if ('status' in place) {
      refuse(request, response, place);
      return;
    }
    session.inFlight++;
    try {
      const replaced = await this.#receive(place, request);
      response.writeHead(replaced ? 200 : 201).end();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      refuse(request, response, { status: error.name === 'NoDiskSpace' ? 507 : 500, message: error.message });
    } finally {
      session.inFlight--;
      session.touch();
    }
  }

  #place(url: string): Place | Refusal {
    const { pathname, searchParams } = new URL(url, 'https://simulator');
    const path = decodeURIComponent(pathname.slice('/folder/'.length));
    const datastore = this.#datastore(searchParams.get('dcPath'), searchParams.get('dsName') ?? '');
    if (datastore === undefined) return refusal(404, 'there is no such datastore');
    const { files } = datastore;
    if (files.find(directoryOf(path))?.kind !== 'directory') return refusal(404, 'there is no such folder');
    const there = files.find(path);
    if (there === undefined) return { datastore, path };
    if (there.kind !== 'file') return refusal(409, `a ${there.kind} is there`);
    return there.locked ? refusal(403, 'the file is locked') : { datastore, path };
  }

  /** The datastore of a name; on a vCenter, where names are not unique, only within a datacenter. */
  #datastore(datacenterPath: string | null, name: string): Datastore | undefined {
    const datacenter = this.#world.registry
      .all(Datacenter)
      .find((entry) => (datacenterPath === null ? !this.#world.isVcenter : entry.name === datacenterPath));
    return datacenter === undefined ? undefined : this.#world.datastoreNamed(name, datacenter);
  }

  /** Returns whether a file was there before. */
  async #receive({ datastore, path }: Place, request: IncomingMessage): Promise<boolean> {
    const { files } = datastore;
    const content = await FileContent.receive(this.#world.newFile('upload'), request, this.#world.closed);
    const there = files.find(path);
    const replaced = there?.kind === 'file';
    if (replaced) {
      files.remove(path);
      await there.content?.dispose();
    }
    try {
      files.addContent(path, content);
    } catch (error) {
      await content.dispose();
      throw error;
    }
    this.#world.registry.changed();
    return replaced;
  }
}

function refusal(status: number, message: string): Refusal {
  return { status, message };
}

function refuse(request: IncomingMessage, response: ServerResponse, { status, message }: Refusal): void {
  response.writeHead(status, { 'Content-Type': 'text/plain', Connection: 'close' }).end(message);
  request.resume();
}
