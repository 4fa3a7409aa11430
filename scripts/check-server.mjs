// `npm run check -- URL [PLUGIN_URL]`: checks a server from a terminal, as extension/check.html does in a browser.
import { checkServer } from '../extension/check.mjs';

const [viewerText, pluginText = 'plugins/iscl-ct-denoise/'] = process.argv.slice(2);
if (!viewerText || !URL.canParse(viewerText)) {
  console.error('Use: npm run check -- https://ohif.example/ [address of the plugin folder]');
  process.exit(2);
}
const viewer = new URL(viewerText);
const plugin = new URL(pluginText.endsWith('/') ? pluginText : `${pluginText}/`, viewer);
const words = { good: 'good   ', slow: 'slower ', bad: 'MISSING' };
const findings = await checkServer(viewer, plugin);
for (const { state, what, found, todo } of findings) {
  console.log(`${words[state]}  ${what}: ${found}`);
  if (todo) console.log(`         to do: ${todo}`);
}
const isBad = findings.some(({ state }) => state === 'bad');
console.log(
  isBad
    ? '\nThe plugin will not work here yet.'
    : `\nThe server is set up. What a browser on it can do: ${plugin.href}check.html`,
);
process.exitCode = isBad ? 1 : 0;
