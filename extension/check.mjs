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
  const findings = [...isolationHeaders(page.answer.headers), await pluginInConfig(viewer)];
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

/** What this browser, on this page, can do. @returns {Promise<Finding[]>} */
export async function checkBrowser() {
  const findings = [];
  findings.push(
    isSecureContext
      ? good('Secure address', location.origin)
      : bad(
          'Secure address',
          `${location.origin} is plain http`,
          'use https: without it the browser gives no WebGPU, no threads and no SHA-256',
        ),
  );
  findings.push(
    crossOriginIsolated
      ? good('WebAssembly threads', `${navigator.hardwareConcurrency} processors`)
      : slow('WebAssembly threads', 'this page is not cross-origin isolated: one thread', HEADERS_TODO),
  );
  const adapter = await navigator.gpu
    ?.requestAdapter({ powerPreference: 'high-performance' })
    .catch(() => null);
  if (!adapter) {
    findings.push(
      slow(
        'WebGPU',
        'this browser gives no adapter: WebAssembly is used',
        'use a current Chrome or Edge with graphics acceleration on; chrome://gpu tells why not',
      ),
    );
  } else {
    const { vendor, architecture, description } = adapter.info;
    findings.push(
      good('WebGPU', [vendor, architecture, description].filter(Boolean).join(' ') || 'an adapter'),
    );
  }
  return findings;
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

/** The two lines of app-config.js, as URLs (3.13) or descriptors (3.14). */
async function pluginInConfig(viewer) {
  const config = await ask(new URL('app-config.js', viewer));
  const text = config.ok ? await config.answer.text() : '';
  const missing = ['extension.js', 'mode.js'].filter(file => !text.includes(`/${file}`));
  if (!missing.length) return good('app-config.js', 'names the extension and the mode');
  const found = config.ok ? `does not name ${missing.join(' and ')}` : config.problem;
  return bad('app-config.js', found, `add the two lines of ${DOCS}`);
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
