// A file of its own: a Content Security Policy allows no script inside a page.
import { checkBrowser, checkServer } from './check.mjs';

const plugin = new URL('./', location.href);
// The folder may lie anywhere below the viewer; ?viewer= says where the viewer is when it is not at the root.
const viewer = new URL(new URLSearchParams(location.search).get('viewer') ?? '/', location.href);
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
