import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Fills a directory with what a guest has on its disk: large and small files, empty ones, deep paths, links, odd names. */
export async function plantTree(root: string): Promise<void> {
  const put = async (path: string, content: Buffer | string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  };
  for (let i = 0; i < 150; i++) await put(`home/user ${i % 7}/notes/${i}.txt`, `note ${i}\n`.repeat(i * 20));
  for (let i = 0; i < 6; i++) await put(`var/lib/data/${i}.bin`, randomBytes(1_500_000 + i * 4099));
  // Text compresses and noise does not; a file with a hole has neither.
  await put('var/log/syslog', 'Jan  1 00:00:00 host kernel: nothing happened\n'.repeat(60_000));
  await put('var/empty', '');
  await put('a/b/c/d/e/f/g/h/i/j/deep', randomBytes(100));
  await put('umlaut/Größe – 大小.txt', 'four');
  const holed = Buffer.alloc(3_000_000);
  randomBytes(5000).copy(holed, 2_500_000);
  await put('var/lib/holed.img', holed);
  await mkdir(join(root, 'etc'));
  await symlink('../var/log/syslog', join(root, 'etc/log'));
}

/** What is below a directory: each path with what it is and a hash of what it holds. */
export async function hashTree(root: string): Promise<Record<string, string>> {
  const tree: Record<string, string> = {};
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(root.length + 1);
    // mke2fs makes it; it is no part of what was planted.
    if (name === 'lost+found') continue;
    if (entry.isSymbolicLink()) tree[name] = `-> ${await readlink(path)}`;
    else if (entry.isDirectory()) tree[name] = 'directory';
    else
      tree[name] = createHash('sha256')
        .update(await readFile(path))
        .digest('hex');
  }
  return tree;
}
