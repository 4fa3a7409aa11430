// `npm run dev`: builds the plugin with source maps after every change of a source file and serves it in the viewer. An open page takes
// the change over (dev-client.mjs). The options are those of `npm start`. Changes below server/ need a restart.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ReactRefreshPlugin from '@pmmmwh/react-refresh-webpack-plugin';
import reactRefresh from 'react-refresh-typescript';
import webpack from 'webpack';
import { startServer } from '../server/src/index';
import { HELP, parseOptions, UsageError } from '../server/src/options';
import configuration from '../webpack.config.mjs';

/** Apart from dist/, which `npm start` takes for the finished build. */
const FOLDER = join(process.cwd(), '.cache/dev');
const BUILD_NUMBER = 'build.txt';

const say = line => console.log(`[dev] ${line}`);

/** The configuration of the finished build with source maps, the client, and components of the panel that can be replaced in place. */
function devConfiguration() {
  const base = configuration({}, { mode: 'development' });
  const [typescript] = base.module.rules;
  const getCustomTransformers = () => ({ before: [reactRefresh()] });
  return {
    ...base,
    entry: { ...base.entry, extension: ['./scripts/dev-client.mjs', base.entry.extension] },
    output: { ...base.output, path: FOLDER, clean: { keep: /^build\.txt$|hot-update/ } },
    module: {
      rules: [
        { ...typescript, test: /\.ts$/ },
        {
          ...typescript,
          test: /\.tsx$/,
          options: { ...typescript.options, getCustomTransformers },
        },
      ],
    },
    plugins: [
      ...base.plugins,
      new webpack.HotModuleReplacementPlugin(),
      new ReactRefreshPlugin({ include: /\.tsx$/, overlay: false }),
    ],
  };
}

/** Resolves with webpack's watcher after the first build that has no errors. */
function watchBuild() {
  const compiler = webpack(devConfiguration());
  return new Promise((resolve, reject) => {
    const watching = compiler.watch({ aggregateTimeout: 50 }, async (error, stats) => {
      if (error) return reject(error);
      if (stats.hasErrors()) return say(`The build has errors.\n${stats.toString('errors-only')}`);
      // Written last, so that a page never reloads into half a build.
      await writeFile(join(FOLDER, BUILD_NUMBER), String(stats.endTime));
      say(`Built in ${stats.endTime - stats.startTime} ms. Types: npm run typecheck`);
      resolve(watching);
    });
  });
}

async function main() {
  // npm runs its scripts in the package's folder and says in INIT_CWD where the person was.
  const options = parseOptions(process.argv.slice(2), process.env.INIT_CWD ?? process.cwd(), process.env);
  if (!options) return console.log(HELP.replaceAll('npm start', 'npm run dev'));
  say('Building with source maps ...');
  const watching = await watchBuild();
  const server = await startServer({ ...options, plugin: FOLDER, log: line => console.log(line) });
  say(`The viewer is at ${server.url}; it takes over each change in src/, extension/ and modes/.`);
  const stop = () => watching.close(() => void server.close().then(() => process.exit(0)));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  if (error instanceof UsageError) console.error('\nnpm run dev -- --help lists the options.');
  process.exit(1);
}
