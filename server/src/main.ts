import { HELP, parseOptions, UsageError } from './options';
import { startServer } from './index';

// npm runs its scripts in the package's folder and says in INIT_CWD where the person was.
const cwd = process.env['INIT_CWD'] ?? process.cwd();
try {
  const options = parseOptions(process.argv.slice(2), cwd, process.env);
  if (!options) console.log(HELP);
  else await serve({ ...options, root: process.cwd(), log: line => console.log(line) });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  if (error instanceof UsageError) console.error('\nnpm start -- --help lists the options.');
  process.exitCode = 1;
}

async function serve(options: Parameters<typeof startServer>[0]): Promise<void> {
  const server = await startServer(options);
  console.log(`ISCL CT Denoise is at ${server.url}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void server.close().then(() => process.exit(0)));
  }
}
