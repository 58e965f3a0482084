import { randomBytes } from 'node:crypto';
import type { Answer } from '../support/http-double.js';

/** An endpoint of a service, as Keystone's catalog has it. */
export interface Endpoint {
  readonly interface: 'public' | 'internal' | 'admin';
  readonly region: string;
  readonly url: string;
}

const tokenLifeMs = 60 * 60_000;

interface Login {
  readonly auth: {
    readonly identity: {
      readonly methods: readonly string[];
      readonly password?: {
        readonly user: { readonly name: string; readonly password: string; readonly domain: Named };
      };
      readonly application_credential?: { readonly id: string; readonly secret: string };
    };
    readonly scope?: { readonly project: Named & { readonly domain: Named } };
  };
}

interface Named {
  readonly name: string;
}

/**
 * A small Keystone v3: it logs one user and one application credential in, gives tokens that end, and a catalog of several regions and
 * interfaces. What is refused is refused as Keystone does it.
 */
export class KeystoneDouble {
  readonly user = { name: 'backup', password: 'the-password', domain: 'Users' } as const;
  readonly project = { name: 'volumes', domain: 'Projects' } as const;
  readonly credential = { id: 'credential-1', secret: 'the-secret' } as const;
  readonly endpoints: Endpoint[] = [];
  /** How many logins there were, and how many of them at once at the most. */
  logins = 0;
  mostAtOnce = 0;
  #atOnce = 0;
  readonly #expiries = new Map<string, number>();

  /** Whether a token is good now. */
  isGood(token: unknown): boolean {
    return typeof token === 'string' && Date.now() < (this.#expiries.get(token) ?? 0);
  }

  /** Ends all tokens there are, before the time that was told. */
  revokeAll(): void {
    this.#expiries.clear();
  }

  /** Answers `POST /v3/auth/tokens`. */
  readonly answer: Answer = async (response, { method, url, body }) => {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce);
    // Long enough that others come meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 20));
    this.#atOnce--;
    this.logins++;
    const refuse = (code: number, message: string) =>
      void response
        .writeHead(code, { 'content-type': 'application/json' })
        .end(JSON.stringify({ error: { code, message, title: 'refused' } }));
    if (method !== 'POST' || url !== '/v3/auth/tokens') return refuse(404, 'The resource could not be found.');
    const login = JSON.parse(body.toString()) as Login;
    const refusal = this.#refusalOf(login);
    if (refusal !== undefined) return refuse(...refusal);
    const token = `gAAAAA${randomBytes(8).toString('hex')}`;
    const expiresAt = Date.now() + tokenLifeMs;
    this.#expiries.set(token, expiresAt);
    const catalog = [
      { type: 'identity', name: 'keystone', endpoints: [] },
      {
        type: 'object-store',
        name: 'swift',
        endpoints: this.endpoints.map((endpoint) => ({ ...endpoint, region_id: endpoint.region, id: 'x' })),
      },
    ];
    response.writeHead(201, { 'x-subject-token': token, vary: 'X-Auth-Token' }).end(
      JSON.stringify({
        token: { methods: login.auth.identity.methods, expires_at: isoMicroseconds(expiresAt), catalog },
      }),
    );
  };

  #refusalOf({ auth: { identity, scope } }: Login): [number, string] | undefined {
    const unauthorized: [number, string] = [401, 'The request you have made requires authentication.'];
    const { password, application_credential: credential } = identity;
    if (identity.methods[0] === 'application_credential') {
      if (scope !== undefined) {
        return [401, 'Application credentials cannot request a scope.'];
      }
      return credential?.id === this.credential.id && credential.secret === this.credential.secret
        ? undefined
        : unauthorized;
    }
    const { user, project } = this;
    const isUser =
      password?.user.name === user.name &&
      password.user.password === user.password &&
      password.user.domain.name === user.domain;
    const isProject = scope?.project.name === project.name && scope.project.domain.name === project.domain;
    return isUser && isProject ? undefined : unauthorized;
  }
}

/** As Keystone prints a time. */
function isoMicroseconds(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
