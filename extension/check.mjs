// What an installed copy needs from its server, asked over HTTP. One list for the page (check.html, in dist/) and for
// `npm run check -- URL`, so that both say the same. Plain JavaScript: it is served as it stands.

/**
 * @typedef {object} Finding
 * @property {'good' | 'slow' | 'bad'} state `slow`: works, but slower than it could; `bad`: does not work
 * @property {string} what
 * @property {string} found
 * @property {string} [todo] what to do about it
 */

const DOCS = 'docs/install.md';
const HEADERS_TODO = `send "Cross-Origin-Opener-Policy: same-origin" and "Cross-Origin-Embedder-Policy: require-corp" with every answer of the viewer's server (${DOCS}, nginx)`;

/**
 * Asks a viewer and the plugin folder beside it. Never throws: what cannot be reached is a finding.
 *
 * @param {URL} viewer address of the OHIF page
 * @param {URL} plugin address of the plugin folder, with a trailing slash
 * @returns {Promise<Finding[]>}
 */
export async function checkServer(viewer, plugin) {
  const page = await ask(viewer, 'text/html');
  if (!page.ok)
    return [bad('Viewer', `${viewer.href} ${page.problem}`, 'give the address at which the viewer opens')];
  const config = configOf(await page.answer.text(), viewer) ?? new URL('app-config.js', viewer);
  const findings = [
    ...isolationHeaders(page.answer.headers),
    ...policyOf(page.answer.headers),
    await pluginInConfig(config, plugin),
  ];
  const manifest = await ask(new URL('manifest.json', plugin));
  const listed = manifest.ok ? await manifest.answer.json().catch(() => undefined) : undefined;
  if (!Array.isArray(listed?.files)) {
    const found = `${plugin.href}manifest.json ${manifest.ok ? "is not the plugin's manifest" : manifest.problem}`;
    return [...findings, bad('Plugin folder', found, 'copy the whole dist folder to this address')];
  }
  findings.push(good('Plugin folder', `${listed.name} ${listed.version}, ${listed.files.length} files`));
  for (const file of listed.files) findings.push(...(await installedFile(plugin, file)));
  if (!listed.files.some(({ file }) => file.endsWith('.onnx'))) {
    findings.push(bad('Model', 'the manifest lists no model', 'build again; models/ must hold a model'));
  }
  if (plugin.origin !== viewer.origin && page.answer.headers.has('cross-origin-embedder-policy')) {
    findings.push(
      slow(
        'Origin',
        `the plugin is on ${plugin.origin}, the viewer on ${viewer.origin}`,
        'serve both from one origin, or send CORS and "Cross-Origin-Resource-Policy: cross-origin" with the plugin',
      ),
    );
  }
  return summarise(findings);
}

/**
 * Finds the viewer that a plugin folder belongs to: the page, at a folder above it or at one of the usual addresses, that loads an app-config.js.
 * @param {URL} plugin address of the plugin folder, with a trailing slash
 * @returns {Promise<URL | null>} where the viewer opens; null when no page of a viewer is found
 */
export async function findViewer(plugin) {
  const folders = [];
  for (let folder = new URL('..', plugin); ; folder = new URL('..', folder)) {
    folders.push(folder);
    if (folder.pathname === '/') break;
  }
  for (const folder of [...folders, ...USUAL.map(path => new URL(path, plugin))]) {
    const page = await ask(folder, 'text/html');
    const config = page.ok ? configOf(await page.answer.text(), folder) : null;
    if (!config) continue;
    const text = await ask(config);
    const base = /routerBasename["']?\s*:\s*["']([^"']+)["']/.exec(
      text.ok ? await text.answer.text() : '',
    )?.[1];
    // A server that sends the viewer's page for every address sends it for this folder too; its configuration lies where the viewer does.
    return base && base !== '/' ? new URL(`${base.replace(/\/$/, '')}/`, plugin) : new URL('./', config);
  }
  return null;
}

const USUAL = ['/ohif/', '/viewer/', '/ohif-viewer/'];

/** Address of the app-config.js that a page loads; null for the page of something else. */
function configOf(html, page) {
  const source = /<script[^>]+src=["']?([^"'\s>]*app-config\.js[^"'\s>]*)/i.exec(html)?.[1];
  return source ? new URL(source, page) : null;
}

/** What this browser, on this page, can do: tried, not looked up. @returns {Promise<Finding[]>} */
export async function checkBrowser() {
  return [
    isSecureContext
      ? good('Secure address', location.origin)
      : slow(
          'Secure address',
          `${location.origin} is plain http`,
          'use https: without it the browser gives no WebGPU and no threads, and keeps unfinished stores less well',
        ),
    functions(),
    await webAssembly(),
    await worker(),
    crossOriginIsolated
      ? good('WebAssembly threads', `${navigator.hardwareConcurrency} processors`)
      : slow('WebAssembly threads', 'this page is not cross-origin isolated: one thread', HEADERS_TODO),
    await webGpu(),
  ];
}

const UPDATE = 'use a browser of these versions or later: Chrome or Edge 103, Firefox 114, Safari 16.4';

/** What the plugin calls and older browsers lack, with its place. `AbortSignal.any` is not among it: the plugin does without. */
const FUNCTIONS = {
  'AbortSignal.timeout': globalThis.AbortSignal?.timeout,
  'AbortSignal.throwIfAborted': globalThis.AbortSignal?.prototype.throwIfAborted,
  'Array.findLast': Array.prototype.findLast,
  'Object.hasOwn': Object.hasOwn,
  createImageBitmap: globalThis.createImageBitmap,
  'crypto.getRandomValues': globalThis.crypto?.getRandomValues,
  indexedDB: globalThis.indexedDB,
};

function functions() {
  const missing = Object.keys(FUNCTIONS).filter(name => !FUNCTIONS[name]);
  if (missing.length) return bad('Browser', `lacks ${missing.join(', ')}`, UPDATE);
  return good('Browser', 'has every function that the plugin calls');
}

/** The smallest module, and one with SIMD, which ONNX Runtime's needs (WebAssembly core specification, binary format). */
const MODULES = {
  plain: [0, 97, 115, 109, 1, 0, 0, 0],
  SIMD: [
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98,
    11,
  ],
};

/** Why WebAssembly cannot be compiled here, in the browser's words; null when it can. @returns {Promise<string | null>} */
export async function compilesWebAssembly() {
  if (!globalThis.WebAssembly) return 'no WebAssembly';
  for (const [name, bytes] of Object.entries(MODULES)) {
    try {
      await WebAssembly.compile(new Uint8Array(bytes));
    } catch (error) {
      return name === 'plain' ? error.message : `without ${name}: ${error.message}`;
    }
  }
  return null;
}

const POLICY_TODO = `add 'wasm-unsafe-eval' to script-src of the Content-Security-Policy (${DOCS}, headers)`;
const namesPolicy = problem => /content security policy|csp/i.test(problem);

async function webAssembly() {
  const problem = await compilesWebAssembly();
  if (problem === null) return good('WebAssembly', 'compiled a module, with SIMD');
  return namesPolicy(problem)
    ? bad(
        'WebAssembly',
        `a Content Security Policy without 'wasm-unsafe-eval' forbids it (${problem})`,
        POLICY_TODO,
      )
    : bad('WebAssembly', problem, UPDATE);
}

/** A worker that is also a module, of the plugin's own folder. */
async function worker() {
  let started;
  try {
    started = new Worker(new URL('./check-worker.mjs', import.meta.url), { type: 'module' });
    const problem = await new Promise((resolve, reject) => {
      started.onmessage = ({ data }) => resolve(data);
      started.onerror = ({ message }) => reject(new Error(message || 'it does not start'));
      setTimeout(() => reject(new Error('no answer within 20 s')), 20_000);
    });
    if (problem === null) return good('Worker', 'started one, and it compiled WebAssembly');
    return namesPolicy(problem)
      ? bad('Worker', `a Content Security Policy forbids WebAssembly in it (${problem})`, POLICY_TODO)
      : bad('Worker', `cannot compile WebAssembly (${problem})`, UPDATE);
  } catch (error) {
    return bad(
      'Worker',
      error.message,
      `allow 'self' in worker-src of the Content-Security-Policy; ${UPDATE}`,
    );
  } finally {
    started?.terminate();
  }
}

async function webGpu() {
  const adapter = await navigator.gpu
    ?.requestAdapter({ powerPreference: 'high-performance' })
    .catch(() => null);
  if (!adapter) {
    return slow(
      'WebGPU',
      'this browser gives no adapter: WebAssembly is used',
      'use a current Chrome or Edge with graphics acceleration on; chrome://gpu tells why not',
    );
  }
  const { vendor, architecture, description } = adapter.info ?? {};
  return good('WebGPU', [vendor, architecture, description].filter(Boolean).join(' ') || 'an adapter');
}

const good = (what, found) => ({ state: 'good', what, found });
const slow = (what, found, todo) => ({ state: 'slow', what, found, todo });
const bad = (what, found, todo) => ({ state: 'bad', what, found, todo });

async function ask(url, accept = '*/*') {
  try {
    const answer = await fetch(url, { headers: { accept }, cache: 'no-store' });
    return answer.ok ? { ok: true, answer } : { ok: false, problem: `answers ${answer.status}` };
  } catch (error) {
    return {
      ok: false,
      problem: `cannot be reached (${error.cause?.message || error.cause?.code || error.message})`,
    };
  }
}

function isolationHeaders(headers) {
  const opener = headers.get('cross-origin-opener-policy');
  const embedder = headers.get('cross-origin-embedder-policy');
  const isIsolated = opener === 'same-origin' && ['require-corp', 'credentialless'].includes(embedder ?? '');
  const found = `COOP ${opener ?? 'missing'}, COEP ${embedder ?? 'missing'}`;
  return [
    isIsolated
      ? good('Isolation headers', found)
      : slow('Isolation headers', `${found}: WebAssembly gets one thread`, HEADERS_TODO),
  ];
}

/** A policy of the viewer's page that forbids what the plugin does. */
function policyOf(headers) {
  const policy = headers.get('content-security-policy');
  if (policy === null) return [];
  const directives = new Map(
    policy.split(/[;,]/).map(text => {
      const [name = '', ...sources] = text.trim().split(/\s+/);
      return [name.toLowerCase(), sources];
    }),
  );
  const of = (...names) => names.map(name => directives.get(name)).find(Boolean);
  const findings = [];
  const scripts = of('script-src', 'default-src');
  if (scripts && !scripts.some(source => /^'(wasm-)?unsafe-eval'$/.test(source))) {
    findings.push(
      bad('Content-Security-Policy', "script-src has no 'wasm-unsafe-eval': no WebAssembly", POLICY_TODO),
    );
  }
  const workers = of('worker-src', 'child-src', 'script-src', 'default-src');
  if (workers && !workers.some(source => source !== "'none'" && !/^'(nonce|sha|unsafe|wasm)/.test(source))) {
    findings.push(
      bad(
        'Content-Security-Policy',
        'no worker may be started',
        `allow 'self' in worker-src (${DOCS}, headers)`,
      ),
    );
  }
  return findings.length ? findings : [good('Content-Security-Policy', 'allows WebAssembly and workers')];
}

/** The two lines of app-config.js, as URLs (3.13) or descriptors (3.14), and where they lead. */
async function pluginInConfig(address, plugin) {
  const config = await ask(address);
  const text = config.ok ? await config.answer.text() : '';
  const missing = ['extension.js', 'mode.js'].filter(file => !text.includes(`/${file}`));
  if (missing.length) {
    const found = config.ok ? `does not name ${missing.join(' and ')}` : config.problem;
    return bad('app-config.js', found, `add the two lines of ${DOCS}`);
  }
  const named = /["'`]([^"'`]*\/extension\.js)["'`]/.exec(text)?.[1];
  if (named && new URL(named, address).href !== new URL('extension.js', plugin).href) {
    return slow(
      'app-config.js',
      `names ${new URL(named, address).href}, and this is the copy at ${plugin.href}`,
      'check the copy that the viewer loads',
    );
  }
  return good('app-config.js', 'names the extension and the mode');
}

const TYPES = { wasm: /^application\/wasm/, mjs: /javascript/, js: /javascript/ };

async function installedFile(plugin, { file, bytes, sha256 }) {
  const { ok, answer, problem } = await ask(new URL(file, plugin));
  if (!ok) return [bad(file, problem, 'copy the whole dist folder again')];
  const findings = [];
  const type = answer.headers.get('content-type') ?? 'none';
  const wanted = TYPES[file.split('.').pop()];
  if (wanted && !wanted.test(type)) {
    findings.push(
      bad(
        file,
        `its Content-Type is ${type}`,
        file.endsWith('.wasm') ? 'send application/wasm for .wasm' : 'send text/javascript for .mjs and .js',
      ),
    );
  }
  if (file.endsWith('.wasm') && !answer.headers.has('content-encoding')) {
    findings.push(
      slow(file, 'is sent uncompressed', `compress it: a quarter of the download (${DOCS}, nginx)`),
    );
  }
  const content = await answer.arrayBuffer();
  if (content.byteLength !== bytes)
    return [
      ...findings,
      bad(file, `has ${content.byteLength} bytes instead of ${bytes}`, 'copy the whole dist folder again'),
    ];
  // crypto.subtle is only there on secure addresses, which checkBrowser reports.
  if (globalThis.crypto?.subtle && (await sha256Of(content)) !== sha256) {
    return [
      ...findings,
      bad(file, 'has other contents than were built (SHA-256 differs)', 'copy the whole dist folder again'),
    ];
  }
  return [...findings, good(file, `${bytes} bytes, as built`)];
}

async function sha256Of(content) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', content));
  return [...digest].map(byte => byte.toString(16).padStart(2, '0')).join('');
}

/** Files that are as they should be in one line, what needs attention first. */
function summarise(findings) {
  const isFile = ({ what }) => what.includes('.') && what !== 'app-config.js';
  const fine = findings.filter(one => one.state === 'good' && isFile(one));
  const models = fine.filter(({ what }) => what.endsWith('.onnx')).map(({ what }) => what);
  const rest = findings.filter(one => !fine.includes(one));
  const order = { bad: 0, slow: 1, good: 2 };
  if (fine.length)
    rest.push(good('Files', `${fine.length} as built${models.length ? `, with ${models.join(', ')}` : ''}`));
  return rest.sort((a, b) => order[a.state] - order[b.state]);
}
