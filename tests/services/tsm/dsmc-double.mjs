#!/usr/bin/env node
// A double of IBM's backup-archive client `dsmc`, in its command line, its output, its exit codes (0 done, 4 some files were not processed,
// 8 warnings, 12 errors) and its traps: an exit code of 0 says nothing of the bytes. It was written from IBM's documents.
//
// What is archived lies below DSMC_DOUBLE: for each copy `<n>.data` and `<n>.json`. DSMC_FAULT is `<fault>` or `<fault>@<command>` or
// `<fault>@<command>:<end of the file's name>`:
//   noserver, credentials, full   an error, and nothing done
//   skip       exit 4 and nothing done           nothing   exit 8 and nothing done
//   warn       exit 8, and all is done           half      exit 0, and half of the file
//   description  archived by another description killed    killed when half is done
//   late       killed when all is done           hang      waits, and moves nothing
//   slow       moves bytes for 7 s, says nothing       garbled   prints something else
//   partial    exit 8, and all but the last: rows of a query, files of a retrieve
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { execPath } from 'node:process';
import { setInterval } from 'node:timers';
import { setTimeout as pause } from 'node:timers/promises';

const state = process.env['DSMC_DOUBLE'] ?? '';
const words = process.argv.slice(2);
appendFileSync(join(state, 'calls'), `${words.join(' ')}\n`);

/** @type {Record<string, string>} */
const options = {};
/** @type {string[]} */
const operands = [];
for (const word of words) {
  const [, name, value = 'yes'] = /^-([a-z]+)(?:=(.*))?$/s.exec(word) ?? [];
  if (name === undefined) operands.push(word);
  else options[name] = value;
}
const [command = '', kind = ''] = operands;
if (kind === 'archive') operands.splice(1, 1);
const [, file = '', destination = ''] = operands;

/** In the language of the caller: nobody should rely on it. @type {(english: string, other: string) => string} */
const text = (english, other) => (process.env['LC_ALL'] === 'C' ? english : other);
console.log(
  'IBM Storage Protect\nCommand Line Backup-Archive Client Interface\n  Client Version 8, Release 1, Level 20.0\n',
);

/**
 * @param {number} code
 * @param {...string} lines
 * @returns {never}
 */
function end(code, ...lines) {
  for (const line of lines) console.log(line);
  process.exit(code);
}
const kill = () => process.kill(process.pid, 'SIGKILL');

const [wanted = '', where = ''] = (process.env['DSMC_FAULT'] ?? '').split('@');
const [whereCommand = '', whereName = ''] = where.split(':');
const applies = (whereCommand === '' || whereCommand === command) && file.endsWith(whereName);
const fault = applies ? wanted : '';
const known = /^(filesonly|subdir|numberformat|dateformat|timeformat|description|replace|noprompt|optfile|se)$/;
const unknown = Object.keys(options).find((name) => !known.test(name));
if (unknown !== undefined) end(12, `ANS1107E Invalid option/value: '-${unknown}'`);

/** Those that do nothing, by their exit codes and what they say. @type {Record<string, [number, ...string[]]>} */
const failures = {
  noserver: [12, 'ANS1017E Session rejected: TCP/IP connection failure.'],
  credentials: [12, 'ANS1025E Session rejected: Authentication failure'],
  full: [12, `ANS1228E Sending of object '${file}' failed.`, 'ANS1311E Server out of data storage space.', ''],
  skip: [4, `ANS4005E Error processing '${file}': file not found`, text('Total number of objects failed: 1', 'x')],
  nothing: [8, 'ANS1809W A session with the server has been disconnected.'],
  garbled: [0, 'Something else.'],
};
const failure = failures[fault];
if (failure !== undefined) end(...failure);
if (fault === 'hang') {
  setInterval(() => undefined, 1000);
  await new Promise(() => undefined);
}
if (fault === 'slow') {
  for (const began = Date.now(); Date.now() - began < 7000;) {
    readFileSync(execPath);
    await pause(100);
  }
}

/** @typedef {{ id: string, file: string, description: string, archivedAt: string }} Copy */
/** @returns {Copy[]} */
function matching() {
  /** @param {string} pattern @param {string} value */
  const fits = (pattern, value) => {
    const escaped = pattern
      .replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
      .replaceAll('*', '[^/]*')
      .replaceAll('?', '[^/]');
    return new RegExp(`^${escaped}$`).test(value);
  };
  return readdirSync(state)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => {
      /** @type {unknown} */
      const kept = JSON.parse(readFileSync(join(state, name), 'utf8'));
      return /** @type {Copy} */ (kept);
    })
    .filter((copy) => fits(file, copy.file) && [undefined, copy.description].includes(options['description']));
}
/** Those that a fault lets through. @param {Copy[]} copies */
const given = (copies) => (fault === 'partial' ? copies.slice(0, -1) : copies);
/**
 * How a command that did what it could ends.
 *
 * @param {...string} lines
 * @returns {never}
 */
function endWith(...lines) {
  if (fault === 'partial') end(8, 'ANS1809W A session with the server has been disconnected.');
  end(fault === 'warn' ? 8 : 0, ...lines);
}
const dataOf = (/** @type {Copy} */ { id }) => join(state, `${id}.data`);

/** @param {string} from @param {string} to */
function copy(from, to) {
  copyFileSync(from, to);
  if (fault === 'half' || fault === 'killed') truncateSync(to, Math.floor(statSync(to).size / 2));
}

/** Archived when all of it came, as a server's transaction is. */
function archive() {
  if (!existsSync(file)) {
    end(12, `ANS1228E Sending of object '${file}' failed.`, 'ANS1063E The specified path is not a valid file system.');
  }
  const id = `${Date.now().toString().padStart(16, '0')}-${randomBytes(4).toString('hex')}`;
  if (fault === 'killed') return kill();
  copy(file, join(state, `${id}.data`));
  const description = fault === 'description' ? 'something else' : (options['description'] ?? 'Archive Date');
  // Whole at once, for those who query meanwhile.
  const entry = join(state, `${id}.json`);
  writeFileSync(`${entry}.new`, JSON.stringify({ id, file, description, archivedAt: new Date().toISOString() }));
  renameSync(`${entry}.new`, entry);
  if (fault === 'late') return kill();
  endWith(text('Total number of objects archived:  1', 'Anzahl: 1'));
}

function retrieve() {
  const copies = matching();
  if (copies.length === 0) end(8, 'ANS1092W No files matching search criteria were found');
  for (const found of given(copies)) {
    const to = destination.endsWith('/') ? join(destination, basename(found.file)) : destination;
    if (existsSync(to) && options['replace'] !== 'yes') end(4, `ANS4000E Error processing '${to}': file exists`);
    copy(dataOf(found), to);
    if (fault === 'killed') return kill();
  }
  endWith(text('Total number of objects retrieved:  1', 'Anzahl: 1'));
}

/** @param {number} bytes */
function size(bytes) {
  if (options['numberformat'] !== '1') return `${bytes.toString().replace(/\B(?=(\d{3})+$)/g, '.')}  B`;
  // Large ones are rounded.
  if (bytes >= 10 * 1024 ** 2) return `${(bytes / 1024).toLocaleString('en-US', { maximumFractionDigits: 2 })} KB`;
  return `${bytes.toLocaleString('en-US')}  B`;
}

function query() {
  const copies = matching();
  if (copies.length === 0) end(8, 'ANS1092W No files matching search criteria were found');
  console.log('             Size  Archive Date - Time    File - Expires on - Description');
  console.log('             ----  -------------------    -------------------------------');
  for (const found of given(copies)) {
    const at = new Date(found.archivedAt);
    const two = (/** @type {number} */ value) => value.toString().padStart(2, '0');
    const day = [two(at.getMonth() + 1), two(at.getDate())];
    const date =
      options['dateformat'] === '3' ? [at.getFullYear(), ...day].join('-') : [...day, at.getFullYear()].join('/');
    const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':');
    const bytes = size(statSync(dataOf(found)).size);
    console.log(`${bytes.padStart(17)}  ${date} ${time}    ${found.file} ${text('Never', 'Nie')} ${found.description}`);
  }
  endWith();
}

function remove() {
  const copies = matching();
  if (copies.length === 0) end(8, 'ANS1092W No files matching search criteria were found');
  if (options['noprompt'] === undefined) end(12, 'ANS1036E Nobody answers.');
  for (const found of copies) {
    rmSync(join(state, `${found.id}.json`));
    rmSync(dataOf(found));
  }
  end(0, text(`Total number of objects deleted:  ${copies.length}`, 'Anzahl'));
}

switch (`${command} ${kind === 'archive' ? kind : ''}`.trim()) {
  case 'archive':
    archive();
    break;
  case 'retrieve':
    retrieve();
    break;
  case 'query archive':
    query();
    break;
  case 'delete archive':
    remove();
    break;
  default:
    end(12, `ANS1138E The '${command}' command must be followed by a subcommand`);
}
