import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { BackupService } from '../index.js';
import type { RepositoryBackupService } from '../repository/index.js';
import type { ObjectStore, SwiftAuth } from '../stores/index.js';
import { type Environment, variable } from './environment.js';
import { readSecretFile, readText } from './read-file.js';
import { UsageError } from './usage-error.js';

/**
 * A place where backups lie, as a URL says it:
 *
 *     file:/srv/backups   s3://bucket/prefix   swift://container/prefix   rbd://pool/namespace   tsm:/srv/staging
 *
 * with `repository+` before it where it is a repository. Secrets are not in it: they come from the environment, by the names that each
 * store's own programs have for them.
 */
export interface StoreUrl {
  readonly scheme: 'file' | 's3' | 'swift' | 'rbd' | 'tsm';
  readonly isRepository: boolean;
  /** What follows the scheme: a path; bucket, container or pool and what is below. */
  readonly place: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** A backup service that tells what it has: each that a URL can name does. */
export type ListingService = BackupService & Required<Pick<BackupService, 'list'>>;

/** What opens a store besides its URL. */
export interface StoreAccess {
  readonly environment: Environment;
  /** The passphrase of an encrypted repository. */
  readonly passphrase?: string | undefined;
}

/** The parameters that a URL may have, by its scheme. */
const parameters: Readonly<Record<StoreUrl['scheme'], readonly string[]>> = {
  file: [],
  s3: ['endpoint', 'region', 'pathStyle', 'retainDays'],
  swift: ['region'],
  rbd: ['id', 'conf', 'keyring'],
  tsm: ['server', 'optionFile'],
};

export const storeUrlHelp = `
Store URLs:
  file:/srv/backups                         a directory, each backup a file
  s3://bucket/prefix                        AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL
  swift://container/prefix                  OS_AUTH_URL, OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME ...; or ST_AUTH, ST_USER, ST_KEY
  rbd://pool/namespace?id=user              Ceph's own configuration and keyring
  tsm:/srv/staging?server=stanza            IBM Storage Protect, by dsmc and the password it stored (PASSWORDACCESS GENERATE)
  repository+file:/srv/repository           a repository, which stores what changed; also repository+s3:, repository+swift:`;

/** @throws UsageError */
export function parseStoreUrl(text: string): StoreUrl {
  const [, repository = '', scheme = '', rest = ''] = /^(repository\+)?([a-z\d]+):(.*)$/is.exec(text) ?? [];
  // What it says is not repeated: another kind of URL may hold a password.
  if (!isScheme(scheme)) throw new UsageError("a store's URL begins with file:, s3:, swift:, rbd: or tsm:");
  const isRepository = repository !== '';
  if (scheme === 'file') return { scheme, isRepository, place: filePath(text, rest), parameters: {} };
  const [rawPlace = '', query = ''] = rest.split(/\?(.*)/s);
  const place = scheme === 'tsm' ? filePath(text, rawPlace) : rawPlace.replace(/^\/\//, '');
  const given = Object.fromEntries(new URLSearchParams(query));
  const unknown = Object.keys(given).find((name) => !parameters[scheme].includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`${scheme}: has no parameter ${unknown}: it has ${parameters[scheme].join(', ')}`);
  }
  if (isRepository && scheme === 'rbd') throw new UsageError('a pool of images cannot hold a repository');
  if (isRepository && scheme === 'tsm') throw new UsageError('an archive cannot hold a repository');
  if (!isRepository && given['retainDays'] !== undefined) throw new UsageError('only a repository has retainDays');
  return { scheme, isRepository, place, parameters: given };
}

/** The backup service that a URL names. @throws UsageError, InvalidInputError */
export async function openService(url: StoreUrl, access: StoreAccess): Promise<ListingService> {
  if (url.isRepository) return openRepository(url, access);
  const { FileBackupService, ObjectBackupService, RbdBackupService, TsmBackupService } =
    await import('../services/index.js');
  if (url.scheme === 'file') return new FileBackupService({ directory: url.place });
  if (url.scheme === 'rbd') {
    const { first: pool, rest: namespace } = divide(url.place);
    return new RbdBackupService({ pool, ...(namespace && { namespace }), ...url.parameters });
  }
  if (url.scheme === 'tsm') return new TsmBackupService({ directory: url.place, ...url.parameters });
  return new ObjectBackupService({ store: await openStore(url, access.environment) });
}

/** The repository at a URL, with or without `repository+` before it. @throws UsageError, InvalidInputError */
export async function openRepository(url: StoreUrl, access: StoreAccess): Promise<RepositoryBackupService> {
  const { RepositoryBackupService } = await import('../repository/index.js');
  const { retainDays } = url.parameters;
  return new RepositoryBackupService({
    store: await openStore(url, access.environment),
    ...(access.passphrase !== undefined && { encryption: { passphrase: access.passphrase } }),
    ...(retainDays !== undefined && { retainDays: Number(retainDays) }),
  });
}

async function openStore(
  { scheme, place, parameters: given }: StoreUrl,
  environment: Environment,
): Promise<ObjectStore> {
  const { FileObjectStore, S3ObjectStore, SwiftObjectStore } = await import('../stores/index.js');
  const { first, rest } = divide(place);
  const prefix = rest === '' ? {} : { prefix: rest };
  switch (scheme) {
    case 'file':
      return new FileObjectStore({ directory: place });
    case 's3': {
      const region =
        given['region'] ??
        variable(environment, 'AWS_REGION') ??
        variable(environment, 'AWS_DEFAULT_REGION') ??
        'us-east-1';
      const endpoint =
        given['endpoint'] ??
        variable(environment, 'AWS_ENDPOINT_URL_S3') ??
        variable(environment, 'AWS_ENDPOINT_URL') ??
        `https://s3.${region}.amazonaws.com`;
      const sessionToken = variable(environment, 'AWS_SESSION_TOKEN');
      return new S3ObjectStore({
        endpoint,
        region,
        bucket: first,
        ...prefix,
        credentials: {
          accessKeyId: needed(environment, 'AWS_ACCESS_KEY_ID'),
          secretAccessKey: needed(environment, 'AWS_SECRET_ACCESS_KEY'),
          ...(sessionToken && { sessionToken }),
        },
        ...pathStyle(given['pathStyle']),
        ...(await readCa(environment, 'AWS_CA_BUNDLE')),
      });
    }
    case 'swift':
      return new SwiftObjectStore({
        auth: swiftAuth(given['region'], environment),
        container: first,
        ...prefix,
        ...(await readCa(environment, 'OS_CACERT')),
      });
    case 'rbd':
      throw new UsageError('a pool of images is no object store');
    case 'tsm':
      throw new UsageError('an archive is no object store');
  }
}

function pathStyle(given: string | undefined): { readonly pathStyle?: boolean } {
  if (given === undefined) return {};
  if (given !== 'true' && given !== 'false') throw new UsageError('pathStyle is true or false');
  return { pathStyle: given === 'true' };
}

/** By the names that the openstack and swift programs have for it. */
function swiftAuth(region: string | undefined, environment: Environment): SwiftAuth {
  const url = variable(environment, 'OS_AUTH_URL');
  if (url === undefined) {
    return {
      kind: 'tempauth',
      url: needed(environment, 'ST_AUTH', 'OS_AUTH_URL'),
      user: needed(environment, 'ST_USER'),
      key: needed(environment, 'ST_KEY'),
    };
  }
  const usedInterface = variable(environment, 'OS_INTERFACE');
  const chosen = region ?? variable(environment, 'OS_REGION_NAME');
  const choice = {
    ...(chosen && { region: chosen }),
    // Checked by the store.
    ...(usedInterface !== undefined && { interface: usedInterface as 'public' }),
  };
  const id = variable(environment, 'OS_APPLICATION_CREDENTIAL_ID');
  if (id !== undefined) {
    const secret = needed(environment, 'OS_APPLICATION_CREDENTIAL_SECRET');
    return { kind: 'applicationCredential', url, id, secret, ...choice };
  }
  const userDomain = variable(environment, 'OS_USER_DOMAIN_NAME');
  const projectDomain = variable(environment, 'OS_PROJECT_DOMAIN_NAME');
  return {
    kind: 'keystone',
    url,
    username: needed(environment, 'OS_USERNAME'),
    password: needed(environment, 'OS_PASSWORD'),
    project: needed(environment, 'OS_PROJECT_NAME'),
    ...(userDomain && { userDomain }),
    ...(projectDomain && { projectDomain }),
    ...choice,
  };
}

/** Gives a command the option for a repository's passphrase. */
export function withPassphrase(command: Command): Command {
  return command.option(
    '--passphrase-file <file>',
    "file with an encrypted repository's passphrase (or the passphrase in VMDK_DRIVER_PASSPHRASE)",
  );
}

/** What opens a store: the environment, and a passphrase where there is one. @throws UsageError */
export async function storeAccess(
  file: string | undefined,
  { option, name } = { option: '--passphrase-file', name: 'VMDK_DRIVER_PASSPHRASE' },
): Promise<StoreAccess> {
  const passphrase = file === undefined ? variable(process.env, name) : await readSecretFile(option, file);
  return { environment: process.env, passphrase };
}

async function readCa(environment: Environment, name: string): Promise<{ readonly ca?: string }> {
  const file = variable(environment, name);
  return file === undefined ? {} : { ca: await readText(name, file) };
}

function needed(environment: Environment, ...names: readonly string[]): string {
  const value = names.map((name) => variable(environment, name)).find((found) => found !== undefined);
  if (value === undefined) throw new UsageError(`${names.join(' or ')} is not set`);
  return value;
}

function divide(place: string): { readonly first: string; readonly rest: string } {
  const slash = place.indexOf('/');
  return slash < 0
    ? { first: place, rest: '' }
    : { first: place.slice(0, slash), rest: place.slice(slash + 1).replace(/\/+$/, '') };
}

function filePath(text: string, rest: string): string {
  if (rest === '') throw new UsageError(`${text} names no directory`);
  if (!rest.startsWith('//')) return rest;
  try {
    return fileURLToPath(`file:${rest}`);
  } catch {
    throw new UsageError(`${text} names a directory of another machine: file:/path is meant, it seems`);
  }
}

function isScheme(scheme: string): scheme is StoreUrl['scheme'] {
  return Object.hasOwn(parameters, scheme);
}
