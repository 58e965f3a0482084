import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { BackupNotFoundError } from '../../src/errors/index.js';
import type { Backup, BackupService, ServiceOptions, VolumeFile } from '../../src/services/index.js';

/** Keeps backups on an HTTP server that takes PUT and gives by GET, such as WebDAV or an object store. */
export class HttpBackupService implements BackupService {
  constructor(readonly url: string) {}

  async backup(backup: Backup, file: VolumeFile, { signal }: ServiceOptions = {}): Promise<void> {
    const { size } = await stat(file.path);
    const put = request(this.urlOf(backup), { method: 'PUT', headers: { 'content-length': size }, signal });
    const source = createReadStream(file.path, { highWaterMark: 1024 * 1024 });
    const [response] = await Promise.all([once(put, 'response'), pipeline(source, put)]);
    succeeded(backup, response).resume();
  }

  async restore(backup: Backup, _volumeId: string, file: VolumeFile, { signal }: ServiceOptions = {}): Promise<void> {
    const response = await once(request(this.urlOf(backup), { signal }).end(), 'response');
    const stream = succeeded(backup, response);
    await pipeline(stream, createWriteStream(file.path, { highWaterMark: 1024 * 1024 }));
  }

  private urlOf({ id }: Backup): string {
    return `${this.url}/${encodeURIComponent(id)}`;
  }
}

function succeeded(backup: Backup, event: unknown[]): IncomingMessage {
  const response = event[0] as IncomingMessage;
  const { statusCode = 0 } = response;
  if (statusCode >= 200 && statusCode < 300) return response;
  response.resume();
  if (statusCode === 404) throw new BackupNotFoundError(`there is no backup ${backup.id}`);
  throw new Error(`the backup server answered ${statusCode.toString()}`);
}
