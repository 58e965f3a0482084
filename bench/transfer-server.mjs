// The other process of `transfer.ts`: a simulator with a volume whose export is a stream of the wanted length, and a plain
// HTTPS server that sends the same file and takes any. Arguments: the compiled library, the directory, the stream's MiB.
import { randomFillSync, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { generate } from 'selfsigned';

const MIB = 2 ** 20;
const [library = '', directory = '', mib = '1024'] = process.argv.slice(2);
/**
 * @param {string} path
 * @returns {Promise<unknown>}
 */
const load = (path) => import(pathToFileURL(join(library, path)).href);
const { startSimulator } = /** @type {typeof import('../src/simulator/index.js')} */ (await load('simulator/index.js'));
const { encodeVmdkStream } = /** @type {typeof import('../src/vmdk/index.js')} */ (await load('vmdk/index.js'));

const usedBytes = Number(mib) * MIB;
const size = Math.ceil((usedBytes * 1.25) / 2 ** 30);
const simulator = await startSimulator({ directory });

/** @param {string} name */
async function addVolume(name) {
  const id = randomUUID();
  await simulator.addVm({
    name: `volume-${id}`,
    instanceUuid: id,
    disk: { capacityBytes: size * 2 ** 30, uuid: id },
    extraConfig: { 'cinder.volume.id': id },
  });
  return { id, size, path: simulator.vms().find(({ instanceUuid }) => instanceUuid === id)?.disks[0]?.path ?? name };
}

const source = await addVolume('source');
const target = await addVolume('target');
const stream = join(directory, 'stream.vmdk');
await pipeline(
  encodeVmdkStream({
    capacityBytes: size * 2 ** 30,
    // What no deflater can make smaller: the stream is as long as what the disk holds.
    read: (buffer) => Promise.resolve(randomFillSync(buffer).length),
    async *dataExtents() {
      yield await Promise.resolve({ start: 0, end: usedBytes });
    },
  }),
  createWriteStream(stream),
);
await simulator.serveExport(source.path, stream);
const { size: streamBytes } = await stat(stream);

const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }]);
const plain = createServer({ key, cert }, (request, response) => {
  if (request.method === 'GET') {
    response.writeHead(200, { 'Content-Length': streamBytes });
    pipeline(createReadStream(stream, { highWaterMark: MIB }), response).catch(() => undefined);
  } else {
    request.resume().once('end', () => response.end());
  }
});
plain.listen(0, '127.0.0.1', () => {
  const { host, port, username, password, thumbprint } = simulator;
  const address = plain.address();
  process.send?.({
    session: { host, port, username, password, thumbprint },
    source: { id: source.id, size },
    target: { id: target.id, size },
    plainPort: address !== null && typeof address === 'object' ? address.port : 0,
    streamBytes,
  });
});
process.on('disconnect', () => {
  plain.closeAllConnections();
  plain.close();
  void simulator.close().then(() => process.exit());
});
