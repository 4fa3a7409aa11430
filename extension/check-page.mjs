// A file of its own: a Content Security Policy allows no script inside a page.
import { checkBrowser, checkServer, findViewer } from './check.mjs';

const plugin = new URL('./', location.href);
// ?viewer= says where the viewer is when it cannot be found from here.
const told = new URLSearchParams(location.search).get('viewer');
const viewer = told
  ? new URL(told, location.href)
  : ((await findViewer(plugin)) ?? new URL('/', location.href));
const words = { good: 'good', slow: 'slower', bad: 'missing' };
const findings = [...(await checkServer(viewer, plugin)), ...(await checkBrowser())];
for (const { state, what, found, todo } of findings) {
  const row = document.getElementById('findings').insertRow();
  row.dataset.state = state;
  const [verdict, name, text] = [row.insertCell(), row.insertCell(), row.insertCell()];
  verdict.textContent = words[state];
  verdict.className = state;
  name.textContent = what;
  text.textContent = found;
  if (todo) text.append(Object.assign(document.createElement('small'), { textContent: `To do: ${todo}` }));
}
const missing = findings.filter(({ state }) => state === 'bad').length;
const slower = findings.filter(({ state }) => state === 'slow').length;
document.getElementById('verdict').textContent = missing
  ? `The plugin will not work here yet. Missing: ${missing}.`
  : slower
    ? `The plugin works here, slower than it could. To look at: ${slower}.`
    : 'Everything is in place.';
