import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import CopyPlugin from 'copy-webpack-plugin';
import MinimizerPlugin from 'minimizer-webpack-plugin';
import webpack from 'webpack';

const root = path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const { name, version } = require('./package.json');
const ortDist = path.dirname(require.resolve('onnxruntime-web/webgpu'));

/** Writes manifest.json: every file of an installed copy with its SHA-256, for check.html and `npm run check`. */
class DistManifest {
  apply(compiler) {
    compiler.hooks.thisCompilation.tap('DistManifest', compilation => {
      const stage = webpack.Compilation.PROCESS_ASSETS_STAGE_REPORT;
      compilation.hooks.processAssets.tap({ name: 'DistManifest', stage }, assets => {
        const files = Object.keys(assets)
          .sort()
          .map(file => {
            const content = assets[file].buffer();
            return {
              file,
              bytes: content.length,
              sha256: createHash('sha256').update(content).digest('hex'),
            };
          });
        const json = JSON.stringify({ name, version, files }, null, 2);
        compilation.emitAsset('manifest.json', new webpack.sources.RawSource(`${json}\n`));
      });
    });
  }
}

/**
 * Self-contained ES modules that the prebuilt OHIF imports by URL at run time. Nothing is external, because OHIF shares no
 * modules. ONNX Runtime is copied, not bundled, so that its thread workers find their own files.
 */
export default (_env, { mode = 'production' }) => ({
  mode,
  context: root,
  entry: { extension: './extension/index.ts', mode: './modes/low-dose-ct/index.ts' },
  experiments: { outputModule: true },
  output: {
    path: path.join(root, 'dist'),
    clean: true,
    module: true,
    library: { type: 'module' },
    publicPath: 'auto',
    chunkFormat: 'module',
    chunkLoading: 'import',
    workerChunkLoading: 'import',
    workerPublicPath: '',
    filename: '[name].js',
    chunkFilename: '[name].[contenthash:8].js',
    assetModuleFilename: '[name].[contenthash:8][ext]',
  },
  target: ['web', 'es2022'],
  devtool: mode === 'production' ? false : 'inline-source-map',
  resolve: {
    extensions: ['.ts', '.tsx', '.mjs', '.js'],
    conditionNames: ['onnxruntime-web-use-extern-wasm', 'browser', 'import', 'module', 'default'],
    fallback: { fs: false, path: false, crypto: false, zlib: false },
  },
  module: {
    rules: [
      {
        test: /\.tsx?$/,
        exclude: /node_modules/,
        loader: 'ts-loader',
        options: { transpileOnly: true, compilerOptions: { noEmit: false } },
      },
    ],
  },
  // esbuild takes a second where terser takes half a minute on two cores. Legal comments stay in the files.
  optimization: { minimizer: [new MinimizerPlugin({ minify: MinimizerPlugin.esbuildMinify })] },
  plugins: [
    new CopyPlugin({
      patterns: [
        ...[
          'ort.webgpu.min.mjs',
          'ort-wasm-simd-threaded.asyncify.mjs',
          'ort-wasm-simd-threaded.asyncify.wasm',
        ].map(file => ({
          from: path.join(ortDist, file),
          to: `ort/${file}`,
          info: { minimized: true },
        })),
        { from: 'models', to: 'models', info: { minimized: true } },
        { from: 'extension/check.html' },
        { from: 'extension/check.mjs', info: { minimized: true } },
        { from: 'extension/check-page.mjs', info: { minimized: true } },
        { from: 'extension/check-worker.mjs', info: { minimized: true } },
      ],
    }),
    // A watch build changes all the time, and only an installed copy is checked.
    mode === 'production' && new DistManifest(),
  ],
  performance: { hints: false },
});
