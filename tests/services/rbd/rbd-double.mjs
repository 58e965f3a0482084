#!/usr/bin/env node
// A double of Ceph's `rbd` program, in its command line, its exit codes and its traps: an input that ends early is a success and a
// shorter image. Images are files below RBD_DOUBLE. RBD_FAULT names what goes wrong: `import:28` (exit code), `short` (half of the
// input is kept), `export-cut` (exit 0 after half of the image), `busy` (somebody has the image open), `stuck` (the input is not read),
// `full` (what a real one says of an image that it cannot remove from a full pool), `stays` (the same, without why), `snapshots:backup-1` (images
// whose names have this in them have snapshots).
import {
  appendFileSync,
  createReadStream,
  createWriteStream,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setInterval } from 'node:timers';

const directory = process.env['RBD_DOUBLE'] ?? '';
const fault = process.env['RBD_FAULT'] ?? '';
const [command = '', ...rest] = process.argv.slice(2).filter((argument, index, all) => {
  const isOption = (text = '') => /^--(conf|id|keyring|format|object-size)$/.test(text);
  return !isOption(argument) && !isOption(all[index - 1]) && argument !== '--no-progress';
});
appendFileSync(join(directory, 'calls'), `${process.argv.slice(2).join(' ')}\n`);

/**
 * @param {number} code
 * @param {string} text
 */
function end(code, text = '') {
  process.stderr.write(text);
  process.exit(code);
}

const fileOf = (spec = '') => join(directory, `${spec.split('/').at(-1)}.image`);
/** @param {string | undefined} spec */
const mustExist = (spec) => {
  if (!existsSync(fileOf(spec))) end(2, `rbd: error opening image ${spec}: (2) No such file or directory\n`);
};

const [wanted, code] = fault.split(':');
if (wanted === command && code !== undefined) end(Number(code), `rbd: ${command} failed: (${code}) on purpose\n`);

switch (command) {
  case 'ls':
    console.log(
      JSON.stringify(readdirSync(directory).flatMap((name) => (name.endsWith('.image') ? [name.slice(0, -6)] : []))),
    );
    break;
  case 'import': {
    const file = fileOf(rest[1]);
    if (existsSync(file)) end(17, 'rbd: image creation failed\n');
    if (fault === 'stuck') setInterval(() => undefined, 1000);
    else {
      await pipeline(process.stdin, createWriteStream(file));
      if (fault === 'short') truncateSync(file, Math.floor(statSync(file).size / 2));
    }
    break;
  }
  case 'export': {
    mustExist(rest[0]);
    const { size } = statSync(fileOf(rest[0]));
    const last = fault === 'export-cut' ? Math.floor(size / 2) : size;
    if (last > 0) await pipeline(createReadStream(fileOf(rest[0]), { end: last - 1 }), process.stdout);
    break;
  }
  case 'info': {
    mustExist(rest[0]);
    const { size, mtime } = statSync(fileOf(rest[0]));
    console.log(JSON.stringify({ size, modify_timestamp: mtime.toUTCString().replace(' GMT', '') }));
    break;
  }
  case 'status':
    mustExist(rest[0]);
    console.log(JSON.stringify({ watchers: fault === 'busy' ? [{}] : [] }));
    break;
  case 'image-meta': {
    const [action, spec, key, value = ''] = rest;
    mustExist(spec);
    const meta = `${fileOf(spec)}.${key}`;
    if (action === 'set') writeFileSync(meta, value);
    else if (existsSync(meta)) console.log(readFileSync(meta, 'utf8'));
    else end(2, 'rbd: getting metadata failed: (2) No such file or directory\n');
    break;
  }
  case 'rename': {
    const [from, to] = rest;
    mustExist(from);
    if (existsSync(fileOf(to))) end(17, 'rbd: rename error: (17) File exists\n');
    const meta = `${fileOf(from)}.vmdk-driver.record`;
    if (existsSync(meta)) renameSync(meta, `${fileOf(to)}.vmdk-driver.record`);
    renameSync(fileOf(from), fileOf(to));
    break;
  }
  case 'rm':
    mustExist(rest[0]);
    if (fault === 'full') process.stderr.write('librbd: failed to add image to trash: (28) No space left on device\n');
    if (fault === 'full' || fault === 'stays') end(2, 'rbd: delete error: (2) No such file or directory\n');
    if (wanted === 'snapshots' && rest[0]?.includes(code ?? '')) end(39, 'rbd: image has snapshots - not removed\n');
    if (fault === 'busy') end(16, 'rbd: error: image still has watchers\n');
    rmSync(fileOf(rest[0]));
    rmSync(`${fileOf(rest[0])}.vmdk-driver.record`, { force: true });
    break;
  default:
    end(22, `rbd: unknown command ${command}\n`);
}
