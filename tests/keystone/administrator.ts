import type { ApplicationCredentialAuth, KeystoneAuth } from '../../src/stores/index.js';

interface Entity {
  readonly id: string;
}

/** Does what an administrator of OpenStack does, at Keystone's own interface. */
export class Administrator {
  readonly #url: string;

  private constructor(url: string) {
    this.#url = url;
  }

  /** @param url with its `/v3` */
  static async login(url: string): Promise<Administrator> {
    const administrator = new Administrator(url);
    await administrator.#token();
    return administrator;
  }

  /** Has the catalog name a Swift. */
  async offerSwift(url: string): Promise<void> {
    const { service } = await this.#post('services', { service: { type: 'object-store', name: 'swift' } });
    const endpoint = { service_id: service?.id, interface: 'public', region_id: 'one', url };
    await this.#post('endpoints', { endpoint });
  }

  /** Adds a user, who may do everything in a project. */
  async addUser({ username: name, password }: Pick<KeystoneAuth, 'username' | 'password'>, projectName: string) {
    const { user } = await this.#post('users', { user: { name, password, domain_id: 'default' } });
    const project = await this.#projectOf(projectName);
    const roles = (await this.#send('GET', 'roles?name=member')) as { roles: Entity[] };
    await this.#send('PUT', `projects/${project}/users/${user?.id}/roles/${roles.roles[0]?.id}`);
  }

  /** An application credential of a user's. */
  async addCredential(auth: KeystoneAuth): Promise<Pick<ApplicationCredentialAuth, 'id' | 'secret'>> {
    const token = await this.#token(auth);
    const owner = await this.#userOf(auth.username);
    const body = { application_credential: { name: 'backups' } };
    const answer = await this.#send('POST', `users/${owner}/application_credentials`, body, token);
    const { id, secret } = (answer as { application_credential: { id: string; secret: string } })
      .application_credential;
    return { id, secret };
  }

  async createContainer(auth: KeystoneAuth, container: string): Promise<void> {
    const token = await this.#token(auth);
    const { token: said } = (await this.#send('GET', 'auth/tokens', undefined, token, {
      'x-subject-token': token,
    })) as { token: { catalog: { type: string; endpoints: { url: string }[] }[] } };
    const url = said.catalog.find(({ type }) => type === 'object-store')?.endpoints[0]?.url;
    const answer = await fetch(`${url}/${container}`, { method: 'PUT', headers: { 'x-auth-token': token } });
    if (!answer.ok) throw new Error(`no container: ${answer.status} ${await answer.text()}`);
  }

  /** Ends all tokens of a user, also those of the user's application credentials, which stay. */
  async revokeAll(username: string): Promise<void> {
    const user = await this.#userOf(username);
    for (const enabled of [false, true]) await this.#send('PATCH', `users/${user}`, { user: { enabled } });
  }

  async #projectOf(name: string): Promise<string> {
    const found = (await this.#send('GET', `projects?name=${name}`)) as { projects: Entity[] };
    const [project] = found.projects;
    return (
      project?.id ?? (await this.#post('projects', { project: { name, domain_id: 'default' } }))['project']?.id ?? ''
    );
  }

  async #userOf(name: string): Promise<string> {
    const { users } = (await this.#send('GET', `users?name=${encodeURIComponent(name)}`)) as { users: Entity[] };
    return users[0]?.id ?? '';
  }

  async #post(path: string, body: object): Promise<Partial<Record<string, Entity>>> {
    return (await this.#send('POST', path, body)) as Partial<Record<string, Entity>>;
  }

  /** Tokens live for seconds: one for each request. */
  async #send(method: string, path: string, body?: object, token?: string, headers: object = {}): Promise<unknown> {
    const answer = await fetch(`${this.#url}/${path}`, {
      method,
      headers: {
        'x-auth-token': token ?? (await this.#token()),
        'content-type': 'application/json',
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  }

  async #token(auth: Partial<KeystoneAuth> = {}): Promise<string> {
    const { username: name = 'admin', password = 'admin', project = 'admin' } = auth;
    const domain = { id: 'default' };
    const identity = { methods: ['password'], password: { user: { name, password, domain } } };
    const answer = await fetch(`${this.#url}/auth/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ auth: { identity, scope: { project: { name: project, domain } } } }),
    });
    const token = answer.headers.get('x-subject-token');
    if (token === null) throw new Error(`no login: ${answer.status} ${await answer.text()}`);
    return token;
  }
}
