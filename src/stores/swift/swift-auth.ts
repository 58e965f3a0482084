import * as z from 'zod';
import { expirySchema, headerTextSchema, orNone } from '../http/credential-shape.js';
import { endpointSchema } from '../http/endpoint.js';

/** Which of the catalog's endpoints is used. */
interface CatalogChoice {
  /** The region. Needed where the catalog has several. */
  readonly region?: string | undefined;
  /** Default: `public`. */
  readonly interface?: 'public' | 'internal' | 'admin' | undefined;
}

/** Keystone v3, with a user's password. */
export interface KeystoneAuth extends CatalogChoice {
  readonly kind: 'keystone';
  /** URL of Keystone, such as `https://keystone.example:5000/v3`. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** Name of the user's domain. Default: `Default`. */
  readonly userDomain?: string | undefined;
  /** Name of the project. */
  readonly project: string;
  /** Name of the project's domain. Default: `Default`. */
  readonly projectDomain?: string | undefined;
}

/** Keystone v3, with an application credential. */
export interface ApplicationCredentialAuth extends CatalogChoice {
  readonly kind: 'applicationCredential';
  /** URL of Keystone, such as `https://keystone.example:5000/v3`. */
  readonly url: string;
  readonly id: string;
  readonly secret: string;
}

/** Swift's own v1 authentication, which radosgw has as well. */
export interface TempAuth {
  readonly kind: 'tempauth';
  /** URL of the authentication, such as `https://swift.example/auth/v1.0`. */
  readonly url: string;
  /** `account:user` */
  readonly user: string;
  readonly key: string;
}

/** What a function of the application's own gives. */
export interface SwiftToken {
  readonly token: string;
  /** URL of the account. */
  readonly storageUrl: string;
  /** When the token ends; a string is ISO 8601. Where it is left out, it is renewed when it is refused. */
  readonly expires?: Date | string | undefined;
}

/** A function of the application's own. It is called when a token is needed, about to end, or was refused. */
export interface TokenAuth {
  readonly kind: 'token';
  /** A token that is good now. */
  get(): Promise<SwiftToken>;
}

/** How a {@link SwiftObjectStore} gets its token. */
export type SwiftAuth = KeystoneAuth | ApplicationCredentialAuth | TempAuth | TokenAuth;

const text = z.string().min(1);
const choice = {
  region: text.optional(),
  interface: z.enum(['public', 'internal', 'admin']).optional(),
};

export const swiftAuthSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('keystone'),
    url: endpointSchema,
    username: text,
    password: text,
    userDomain: text.optional(),
    project: text,
    projectDomain: text.optional(),
    ...choice,
  }),
  z.strictObject({ kind: z.literal('applicationCredential'), url: endpointSchema, id: text, secret: text, ...choice }),
  z.strictObject({ kind: z.literal('tempauth'), url: endpointSchema, user: text, key: text }),
  z.looseObject({ kind: z.literal('token'), get: z.custom<TokenAuth['get']>((value) => typeof value === 'function') }),
]);

export const swiftTokenSchema = z.looseObject({
  token: headerTextSchema,
  storageUrl: endpointSchema.transform((url) => url.replace(/\/+$/, '')),
  expires: orNone(expirySchema),
});
