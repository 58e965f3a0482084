import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Exchange } from '../../../src/simulator/index.js';
import { hasXsd, xsdDirectory } from '../../vim/support/xsd.js';

/** Whether replies can be held against vSphere's schemas here. */
export const canValidate = hasXsd && spawnSync('xmllint', ['--version']).status === 0;

/**
 * Replies that the schemas have nothing to say about. `Fetch` is in none of them, and the storage policy service's are not among
 * them. An empty list leaves no element behind, whatever the schema says of how many there must be: clients rely on that
 * where nothing was found.
 */
const beyondTheSchemas = [
  /^<FetchResponse/,
  /^<\w+ (?:xmlns:xsd="[^"]*" )?xmlns="urn:pbm"/,
  /^<FindAllByUuidResponse xmlns="urn:vim25"><\//,
];

/**
 * What xmllint has to say of the simulator's replies, each distinct complaint once; nothing where all are valid by vSphere's
 * schemas.
 */
export function complaintsAbout(exchanges: readonly Exchange[]): string[] {
  return complaints(exchanges.map(({ reply }) => contentOf(reply)));
}

/** What xmllint has to say of what this library's own client sent. */
export function complaintsAboutRequests(exchanges: readonly Exchange[]): string[] {
  return complaints(exchanges.map(({ request }) => contentOf(request)));
}

function complaints(contents: readonly string[]): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'vmdk-driver-replies-'));
  try {
    const files = contents
      .filter((content) => !beyondTheSchemas.some((pattern) => pattern.test(content)))
      .map((content) => {
        const element = withNamespaces(content);
        const file = join(directory, `${createHash('sha256').update(element).digest('hex').slice(0, 16)}.xml`);
        writeFileSync(file, element);
        return file;
      });
    const schema = join(xsdDirectory, 'vim-elements.xsd');
    const { stderr } = spawnSync('xmllint', ['--noout', '--schema', schema, ...new Set(files)], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    const lines = stderr.split('\n').filter((line) => line !== '' && !line.endsWith(' validates'));
    return [...new Set(lines.map((line) => line.replace(/^\S+\.xml(?::\d+)?:? ?/, '')))];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** What an envelope's body holds, or a fault's detail. */
function contentOf(envelope: string): string {
  const fault = /<detail>(.*)<\/detail>/s.exec(envelope)?.[1];
  const content = fault ?? /<(soap|soapenv):Body>\s*(.*?)\s*<\/\1:Body>/s.exec(envelope)?.[2];
  if (content === undefined) throw new Error(`this is no envelope: ${envelope}`);
  return content;
}

/** An element with the namespaces that were declared around it. */
function withNamespaces(element: string): string {
  const [start = ''] = /^<[^>]*/.exec(element) ?? [];
  return Object.entries({
    'xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance',
    'xmlns:xsd': 'http://www.w3.org/2001/XMLSchema',
  })
    .filter(([name]) => !start.includes(`${name}=`))
    .reduce((text, [name, namespace]) => text.replace(/^<\w+/, `$& ${name}="${namespace}"`), element);
}
