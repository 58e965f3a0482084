import { once } from 'node:events';
import { Command } from 'commander';
import { connect, type ConnectionOptions, vcenterOf, withConnection } from '../connection.js';
import { withExamples } from '../examples.js';
import { type FleetConnectionOptions, type FleetLimits, openFleet, withFleet } from '../fleet-connection.js';
import { port, positiveInteger, positiveNumber } from '../parsers.js';
import { perform } from '../perform.js';
import { openRepository, openService, parseStoreUrl, storeAccess, storeUrlHelp, withPassphrase } from '../store-url.js';
import { readConfig, withConfig } from '../volume-options.js';

interface Options extends ConnectionOptions, FleetConnectionOptions, FleetLimits {
  readonly to: string;
  readonly vcenter?: string;
  readonly concurrency?: number;
  readonly drain: number;
  readonly metricsPort?: number;
  readonly metricsHost?: string;
  readonly config?: string;
  readonly passphraseFile?: string;
}

export function workerCommand(): Command {
  const command = withFleet(new Command('worker'))
    .description("do a fleet's jobs of one vCenter, until SIGTERM or Ctrl-C: then end them, or hand them back")
    .requiredOption('--to <url>', 'where the backups are stored')
    .option('--vcenter <name>', "what the jobs call the vCenter (default: its host's name)")
    .option('--concurrency <n>', 'jobs at a time in this process (default: 4)', positiveInteger)
    .option('--jobs-per-vcenter <n>', 'jobs at a time, over all workers (default: 8)', positiveInteger)
    .option(
      '--transfers-per-host <n>',
      'transfers at a time with each ESXi host, over all workers (default: 2)',
      positiveInteger,
    )
    .option('--drain <seconds>', 'how long jobs are waited for at the end', positiveNumber, 60)
    .option('--metrics-port <n>', 'serve /metrics, /live and /ready there; 0: any that is free', port)
    .option('--metrics-host <address>', 'the address for that (default: 127.0.0.1)');
  withPassphrase(withConfig(withConnection(command))).addHelpText('after', storeUrlHelp);
  return withExamples(
    command,
    'vmdk-driver worker --redis redis://127.0.0.1:6379 --vcenter vcenter.example --to file:/srv/backups',
    'vmdk-driver worker --redis redis://127.0.0.1:6379 --vcenter vcenter.example --to repository+file:/srv/repository --metrics-port 0',
  ).action(
    perform(async (run, options: Options) => {
      const { signal, output } = run;
      const { to, concurrency, drain, metricsPort, metricsHost, jobsPerVcenter, transfersPerHost } = options;
      const vcenter = vcenterOf(options);
      const store = parseStoreUrl(to);
      const access = await storeAccess(options.passphraseFile);
      const backupService = await openService(store, access);
      const repositories = store.isRepository ? { [vcenter]: await openRepository(store, access) } : {};
      const config = await readConfig(options.config);
      await using fleet = await openFleet(options, run, {
        ...(jobsPerVcenter !== undefined && { jobsPerVcenter }),
        ...(transfersPerHost !== undefined && { transfersPerHost }),
      });
      await using vim = await connect(options, run);
      const { VmdkDriver } = await import('../../index.js');
      const { createMetrics, serveMetrics, startWorker } = await import('../../fleet/index.js');
      const driver = new VmdkDriver({
        vim,
        backupService,
        config: { ...config, transferSlots: fleet.transferSlots(vcenter) },
        logger: output.logger,
      });
      const metrics = metricsPort === undefined ? undefined : await createMetrics({ fleet });
      await using server =
        metrics === undefined || metricsPort === undefined
          ? undefined
          : await serveMetrics({ metrics, port: metricsPort, host: metricsHost });
      const worker = await startWorker({ fleet, drivers: { [vcenter]: driver }, repositories, concurrency, metrics });
      try {
        output.result({ vcenter, ...(server && { metrics: `${server.url}/metrics` }) }, [
          `serving ${vcenter} until SIGTERM or Ctrl-C`,
          ...(server === undefined ? [] : [`metrics at ${server.url}/metrics`]),
        ]);
        if (!signal.aborted) await once(signal, 'abort');
      } finally {
        await worker.close({ graceMs: drain * 1000 });
      }
      return 'done';
    }),
  );
}
