import { createHash } from 'node:crypto';
import { type Answer, HttpDouble } from '../support/http-double.js';
import type { KeystoneDouble } from './keystone-double.js';

/** A Keystone v3 and a Swift in one server: as much of them as a client's login and its errors need. */
export class SwiftDouble implements AsyncDisposable {
  readonly server: HttpDouble;
  readonly #keystone: KeystoneDouble | undefined;
  /** Logins so far. */
  logins = 0;
  /** How long a token is good for, in milliseconds, by what the login says. */
  tokenLifeMs = 3_600_000;
  /** Tokens that are taken. */
  readonly tokens = new Set<string>();
  readonly objects = new Map<string, Buffer>();
  /** What a replica has that was away while the object was put anew: it answers whoever does not ask all of them for the newest. */
  readonly stale = new Map<string, Buffer>();
  /** Keys of which a newer timestamp is there, by how many puts are older: what they bring is not stored. */
  readonly newer = new Map<string, number>();
  /** Whether one request can delete several. */
  deletesInBulk = false;
  /** Requests whose token was refused. */
  refused = 0;
  /** Answers in place of Swift. */
  answers: Answer | undefined;
  /** Answers in place of the logins. */
  loginAnswers: Answer | undefined;
  catalog = (url: string): unknown => [
    { type: 'identity', endpoints: [{ interface: 'public', region: 'one', url: `${url}/v3` }] },
    { type: 'object-store', endpoints: [{ interface: 'public', region_id: 'one', url: `${url}/v1/AUTH_x/` }] },
  ];

  /** @param keystone what logs in and says which tokens are good; else anybody is given one */
  static async start(keystone?: KeystoneDouble): Promise<SwiftDouble> {
    // The double is made around the server, and the server asks the double.
    const server: HttpDouble = await HttpDouble.start((...args) => double.#answer(...args));
    const double = new SwiftDouble(server, keystone);
    return double;
  }

  private constructor(server: HttpDouble, keystone: KeystoneDouble | undefined) {
    this.server = server;
    this.#keystone = keystone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }

  /** Bodies of the logins at Keystone. */
  get loginBodies(): unknown[] {
    return this.server.arrived
      .filter(({ url }) => url === '/v3/auth/tokens')
      .map(({ body }) => JSON.parse(body.toString()) as unknown);
  }

  /** What was asked of Swift, in short. */
  get asked(): string[] {
    return this.server.asked.filter((each) => each.includes('/v1/') || each.includes('/info'));
  }

  async #answer(...args: Parameters<Answer>): Promise<void> {
    const [response, { url, headers, body }] = args;
    if (url === '/v3/auth/tokens' || url.startsWith('/auth/')) {
      const answers = this.loginAnswers ?? this.#keystone?.answer;
      if (answers !== undefined) return answers(...args);
      const token = `token-${++this.logins}`;
      this.tokens.add(token);
      const lifeMs = this.tokenLifeMs;
      if (url.startsWith('/auth/')) {
        const found = {
          'x-auth-token': token,
          'x-storage-url': `${this.server.url}/v1/AUTH_x`,
          'x-auth-token-expires': lifeMs / 1000,
        };
        response.writeHead(200, found).end();
        return;
      }
      const expires = new Date(Date.now() + lifeMs).toISOString();
      response
        .writeHead(201, { 'x-subject-token': token })
        .end(JSON.stringify({ token: { expires_at: expires, catalog: this.catalog(this.server.url) } }));
      return;
    }
    const token = String(headers['x-auth-token']);
    const isGood = this.#keystone?.isGood(token) ?? this.tokens.has(token);
    if (this.deletesInBulk && url === '/info') {
      response.end(JSON.stringify({ bulk_delete: { max_deletes_per_request: 1000 } }));
      return;
    }
    if (this.deletesInBulk && url.endsWith('?bulk-delete')) {
      response.end(JSON.stringify(this.#deleteInBulk(body.toString().split('\n'), isGood)));
      return;
    }
    if (url !== '/info' && !isGood) {
      this.refused++;
      response.writeHead(401).end('<html>Unauthorized</html>');
      return;
    }
    await (this.answers ?? this.sound)(...args);
  }

  /** Its middleware stands before that which looks at tokens: the request is taken, and each deletion is refused. */
  #deleteInBulk(paths: readonly string[], isGood: boolean): Readonly<Record<string, unknown>> {
    if (!isGood) this.refused++;
    const there = isGood ? paths.filter((path) => this.objects.delete(path.replace('/container/', ''))) : [];
    return {
      'Response Status': isGood ? '200 OK' : '400 Bad Request',
      'Number Deleted': there.length,
      'Number Not Found': isGood ? paths.length - there.length : 0,
      Errors: isGood ? [] : paths.map((path) => [path, '401 Unauthorized']),
    };
  }

  /** Swift's own answers. */
  readonly sound: Answer = (response, { method, url, headers, body }) => {
    const [, key] = /^\/v1\/AUTH_x\/container\/(.+)$/.exec(url) ?? [];
    if (key === undefined) return void response.writeHead(url === '/info' ? 404 : 204).end();
    const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex');
    if (method === 'PUT') {
      const older = this.newer.get(key) ?? 0;
      this.newer.set(key, older - 1);
      // Its proxies ask the object servers first, and say so before they take the body.
      if (older > 0) return void response.writeHead(202).end();
      if (headers.etag !== md5(body)) return void response.writeHead(422).end();
      this.objects.set(key, body);
      return void response.writeHead(201, { etag: md5(body) }).end();
    }
    const newest = this.objects.get(key);
    const object = headers['x-newest'] === 'true' ? newest : (this.stale.get(key) ?? newest);
    if (object === undefined) return void response.writeHead(404).end();
    if (method === 'DELETE') {
      this.objects.delete(key);
      return void response.writeHead(204).end();
    }
    response.writeHead(200, { etag: md5(object), 'content-length': object.length, 'x-timestamp': '1767323045.12345' });
    response.end(method === 'HEAD' ? undefined : object);
  };
}
