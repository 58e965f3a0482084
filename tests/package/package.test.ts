import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Consumer, createConsumer } from './support/consumer.js';

const entries = [
  'vmdk-driver',
  'vmdk-driver/vim',
  'vmdk-driver/services',
  'vmdk-driver/stores',
  'vmdk-driver/repository',
  'vmdk-driver/vmdk',
  'vmdk-driver/simulator',
  'vmdk-driver/testing',
  'vmdk-driver/fleet',
];
/** A build, a pack, a type-check: programs of their own, on a machine that may be busy. */
const slow = 600_000;

describe('the packed package, in a project of its own', () => {
  let consumer: Consumer;
  beforeAll(async () => {
    consumer = await createConsumer();
  }, slow);
  afterAll(async () => {
    await (consumer as Consumer | undefined)?.[Symbol.asyncDispose]();
  });

  it('declares the entry points that are tested here, and no others', () => {
    const declared = Object.keys(consumer.manifest.exports).filter((path) => path !== './package.json');
    expect(declared.map((path) => path.replace(/^\./, 'vmdk-driver'))).toEqual(entries);
  });

  it('exports the same names to import and to require', async () => {
    const names = JSON.parse(await consumer.node('load.mjs', ...entries)) as Record<
      string,
      { import: string[]; require: string[] }
    >;
    for (const entry of entries) {
      expect(names[entry]!.import).not.toEqual([]);
      expect(names[entry]!.require.filter((name) => name !== '__esModule')).toEqual(names[entry]!.import);
    }
  });

  it('needs no ES module before it is used: a jest of the CommonJS kind can load it', async () => {
    const script = `for (const entry of ${JSON.stringify(entries)}) require(entry)`;
    await consumer.node('--no-experimental-require-module', '-e', script);
  });

  it('tells its errors by instanceof across its ESM and CommonJS copies', async () => {
    const told = { base: true, same: true, other: false, code: 'ABORTED' };
    expect(JSON.parse(await consumer.node('errors.mjs'))).toEqual({
      twoCopies: true,
      esmSeenByCommonjs: told,
      commonjsSeenByEsm: told,
    });
  });

  it.each(['work.mjs', 'work.cjs'])(
    'backs up and restores in %s',
    async (file) => {
      expect(JSON.parse(await consumer.node(file))).toEqual({ restored: true, decoded: true, leftovers: [] });
    },
    slow,
  );

  it(
    'compiles in strict .mts and .cts consumers without skipLibCheck, and reads no types of soap',
    async () => {
      const { errors, files } = await consumer.typeCheck();
      expect(errors).toEqual([]);
      // Declarations of a dependency drag in what that dependency forgot to depend on: soap's do. zod's are sound.
      const packages = files.map((file) => /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]);
      const sound = [undefined, 'vmdk-driver', 'typescript', '@types/node', 'undici-types', 'zod'];
      expect([...new Set(packages)].filter((name) => !sound.includes(name))).toEqual([]);
      expect(files.filter((file) => file.includes('/vmdk-driver/dist/'))).not.toEqual([]);
    },
    slow,
  );

  it(
    'has a command line that runs with npx and needs nothing besides the package',
    async () => {
      expect(await consumer.shell('npx --offline vmdk-driver --version')).toBe(`${consumer.manifest.version}\n`);
      // A simulator in one terminal and a backup in another. npx does not hand on what ends it.
      const lines = [
        'PATH="$PWD/node_modules/.bin:$PATH"',
        'vmdk-driver simulate --port 0 > simulator 2>&1 &',
        'trap "kill $!; wait $!" EXIT',
        "until grep -q '^  vmdk-driver' simulator; do kill -0 $! && sleep 0.1 || exit 1; done",
        `eval "$(grep '^  ' simulator)"`,
        'npx --offline vmdk-driver list --from file:backups --json',
      ];
      const printed = await consumer.shell(lines.join('\n'));
      expect(printed).toContain('is stored');
      expect(JSON.parse(printed.slice(printed.indexOf('{')))).toMatchObject({ backups: [{}], unreadable: [] });
    },
    slow,
  );
});
