import * as z from 'zod';
import { StoreError } from '../../errors/index.js';
import { rememberSecrets } from '../../errors/known-secrets.js';
import { headerTextSchema } from '../http/credential-shape.js';
import { endpointSchema } from '../http/endpoint.js';
import type { HttpClient } from '../http/http-client.js';
import { textOfAnswer } from '../http/read-answer.js';
import type { ApplicationCredentialAuth, KeystoneAuth } from './swift-auth.js';
import { parseJson, statusError } from './swift-errors.js';
import type { SwiftSession } from './swift-session.js';

const answerSchema = z.object({
  token: z.object({
    expires_at: z.string().optional(),
    catalog: z
      .array(
        z.object({
          type: z.string(),
          endpoints: z.array(
            z.object({
              interface: z.string(),
              url: z.string(),
              region: z.string().nullish(),
              region_id: z.string().nullish(),
            }),
          ),
        }),
      )
      .optional(),
  }),
});

type Catalog = NonNullable<z.infer<typeof answerSchema>['token']['catalog']>;

/** Logs in at Keystone v3. */
export async function loginAtKeystone(
  http: HttpClient,
  auth: KeystoneAuth | ApplicationCredentialAuth,
): Promise<SwiftSession> {
  const url = new URL(`${auth.url.replace(/\/+$/, '').replace(/\/v3$/, '')}/v3/auth/tokens`);
  const what = `${url.host}: the login at Keystone failed`;
  rememberSecrets(auth.kind === 'keystone' ? auth.password : auth.secret);
  const body = Buffer.from(JSON.stringify({ auth: bodyOf(auth) }));
  const answer = await http.send({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: { buffers: [body], size: body.length },
  });
  const text = await textOfAnswer(answer, { stallTimeoutMs: http.stallTimeoutMs, peer: url.host });
  if (answer.statusCode !== 201) throw statusError(what, answer, text);
  const token = headerTextSchema.safeParse(answer.headers['x-subject-token']);
  const parsed = answerSchema.safeParse(parseJson(text));
  if (!token.success || !parsed.success) {
    throw new StoreError('protocol', `${what}: it was not answered with a token`);
  }
  const { catalog = [], expires_at: expiresAt } = parsed.data.token;
  const expiresAtMs = expiresAt === undefined ? Number.NaN : Date.parse(expiresAt);
  return {
    token: token.data,
    storageUrl: storageUrlOf(catalog, auth, what),
    ...(Number.isNaN(expiresAtMs) ? {} : { expiresAtMs }),
  };
}

function bodyOf(auth: KeystoneAuth | ApplicationCredentialAuth): unknown {
  if (auth.kind === 'applicationCredential') {
    const { id, secret } = auth;
    // It belongs to one project: a scope may not be given.
    return { identity: { methods: ['application_credential'], application_credential: { id, secret } } };
  }
  const { username, password, userDomain = 'Default', project, projectDomain = 'Default' } = auth;
  return {
    identity: {
      methods: ['password'],
      password: { user: { name: username, password, domain: { name: userDomain } } },
    },
    scope: { project: { name: project, domain: { name: projectDomain } } },
  };
}

function storageUrlOf(catalog: Catalog, auth: KeystoneAuth | ApplicationCredentialAuth, what: string): string {
  const wanted = auth.interface ?? 'public';
  const endpoints = catalog
    .filter(({ type }) => type === 'object-store')
    .flatMap((service) => service.endpoints)
    .filter((endpoint) => endpoint.interface === wanted)
    .map(({ url, region, region_id: regionId }) => ({ url, region: regionId ?? region ?? '' }));
  const [endpoint, ...others] = endpoints.filter(({ region }) => auth.region === undefined || auth.region === region);
  if (endpoint === undefined) {
    const regions = endpoints.map(({ region }) => region).join(', ');
    throw new StoreError(
      'failed',
      `${what}: its catalog has no object-store with the interface ${wanted}` +
        (auth.region === undefined
          ? ''
          : ` in the region ${auth.region}; there are: ${regions === '' ? 'none' : regions}`),
    );
  }
  if (others.length > 0) {
    const regions = [endpoint, ...others].map(({ region }) => region).join(', ');
    throw new StoreError(
      'failed',
      `${what}: its catalog has several regions, and auth.region does not say which: ${regions}`,
    );
  }
  if (!endpointSchema.safeParse(endpoint.url).success) {
    throw new StoreError('protocol', `${what}: its catalog has an object-store whose URL is none of http or https`);
  }
  return endpoint.url.replace(/\/+$/, '');
}
