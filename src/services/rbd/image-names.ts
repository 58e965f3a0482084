import { byKey, type Generation } from '../generations.js';

/**
 * The names of the service's images. Neither key nor attempt holds a dot.
 *
 * - `vmdk-driver.<key>.<generation>.<attempt>`: a backup. Of several of one key, the one of the highest generation is the backup, the
 *   others were replaced
 * - `vmdk-driver.<key>.<attempt>.tmp`: one that is being taken, or removed
 */
export function backupImage(key: string, generation: number, attempt: string): string {
  return `vmdk-driver.${key}.${generation.toString().padStart(8, '0')}.${attempt}`;
}

export function temporaryImage(key: string, attempt: string): string {
  return `vmdk-driver.${key}.${attempt}.tmp`;
}

/** A backup's image. */
export type BackupImage = Generation;

/** What an image of this name is; undefined for one that is not the service's. */
export function parseImageName(
  name: string,
): (BackupImage & { readonly kind: 'backup' }) | { readonly kind: 'temporary'; readonly attempt: string } | undefined {
  const [, key = '', generation, attempt] =
    /^vmdk-driver\.([a-z0-9_%-]+)\.(?:(\d{8})\.)?([a-z0-9-]+(?:\.tmp)?)$/.exec(name) ?? [];
  if (attempt === undefined) return undefined;
  if (attempt.endsWith('.tmp')) {
    return generation === undefined ? { kind: 'temporary', attempt: attempt.slice(0, -'.tmp'.length) } : undefined;
  }
  return generation === undefined ? undefined : { kind: 'backup', name, key, generation: Number(generation) };
}

/** The backups among these images, by their keys; each with the newest first. */
export function backupsAmong(names: readonly string[]): Map<string, BackupImage[]> {
  return byKey(names.map(parseImageName).filter((image) => image?.kind === 'backup'));
}
