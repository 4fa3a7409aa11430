// Behind `npm run dependencies`: which packages are behind, each with the reason in docs/dependencies.md or as one without; and known weaknesses. Ends
// with 1 for a weakness or a package without a reason. What the registry does not offer is said, and is no success.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const reasons = new Map(
  [...readFileSync(`${root}/docs/dependencies.md`, 'utf8').matchAll(/^\| `([^`]+)` +\| (.+?) +\|$/gm)].map(
    ([, name, reason]) => [name, reason],
  ),
);

/** npm's answer as JSON; null where there is none. npm ends with 1 when it finds something. */
function npm(...args) {
  const { stdout } = spawnSync('npm', [...args, '--json'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  try {
    return JSON.parse(stdout || '{}');
  } catch {
    return null;
  }
}

const outdated = npm('outdated');
if (outdated === null || outdated.error) {
  console.log('Outdated packages: the registry does not answer.');
  process.exitCode = 1;
} else {
  for (const [name, found] of Object.entries(outdated)) {
    const [{ current = 'not installed', latest }] = [found].flat();
    // A registry's tag may point to a version before the one in use.
    if (current === 'not installed' || !isBehind(current, latest)) continue;
    const reason = reasons.get(name);
    console.log(
      `${name} ${current}, latest ${latest}: ${reason ?? 'NO REASON WRITTEN in docs/dependencies.md'}`,
    );
    if (!reason) process.exitCode = 1;
  }
}

const audit = npm('audit');
const counts = audit?.metadata?.vulnerabilities;
if (!counts) {
  console.log('Known weaknesses: the registry does not offer this; ask one that does.');
} else {
  for (const { name, severity, range } of Object.values(audit.vulnerabilities))
    console.log(`${name} ${range}: ${severity}`);
  console.log(`Known weaknesses: ${counts.total}`);
  if (counts.total > 0) process.exitCode = 1;
}

function isBehind(current, latest) {
  const [a, b] = [current, latest].map(version => version.split(/[.-]/).map(Number));
  const at = a.findIndex((part, i) => part !== b[i]);
  return at !== -1 && a[at] < b[at];
}
