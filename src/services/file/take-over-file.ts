import { constants, copyFile, link } from 'node:fs/promises';

/**
 * Makes a second file of the same blocks, or gives the file a second name, where the file system can: nothing is read or
 * written then. A second name shares later changes of the bytes: it is only for a file that nobody changes any more.
 *
 * @param path what must not exist yet
 * @returns whether it could be done; where not, nothing is at `path`
 */
export async function takeOverFile(source: string, path: string): Promise<boolean> {
  try {
    await copyFile(source, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    // Another file system, or one whose files share no blocks.
  }
  try {
    await link(source, path);
    return true;
  } catch {
    // Another file system, one without links, or a file that may not be linked.
    return false;
  }
}
