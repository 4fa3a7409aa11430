// `npm run diagram`: writes the picture of imports in docs/architecture.md from the rules that ESLint enforces (eslint.config.mjs).
// `--check` only compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import configuration from '../eslint.config.mjs';

const DOCUMENT = join(fileURLToPath(new URL('.', import.meta.url)), '../docs/architecture.md');
const BLOCK = /(<!-- imports: npm run diagram -->\n\n).*?(\n\n<!-- end of imports -->)/s;

/**
 * Mermaid text: the modules of src/ with every arrow. An element that may import all of them has one arrow to their frame; test/ and bench/,
 * which may import everything, are left out.
 */
function importsDiagram() {
  const boundaries = configuration.find(({ rules }) => rules?.['boundaries/element-types']);
  const [, { rules }] = boundaries.rules['boundaries/element-types'];
  const patterns = new Map(
    boundaries.settings['boundaries/elements'].map(({ type, pattern }) => [type, pattern]),
  );
  const inCore = name => patterns.get(name).startsWith('src/');
  const importsAll = ({ allow }) => allow.length === patterns.size;
  const free = rules.filter(importsAll).flatMap(({ from }) => from);
  const core = [...patterns.keys()].filter(inCore);
  const outside = [...patterns.keys()].filter(name => !inCore(name) && !free.includes(name));
  const limited = rules.filter(rule => !importsAll(rule));
  const arrows = limited.flatMap(({ from, allow }) =>
    [from].flat().flatMap(name => {
      const imported = allow.filter(other => other !== name);
      const hasCore = core.every(module => imported.includes(module));
      const single = imported.filter(other => !hasCore || !inCore(other));
      return [...(hasCore ? ['core'] : []), ...single].map(other => `  ${name} --> ${other}`);
    }),
  );
  return [
    '```mermaid',
    'flowchart TD',
    ...outside.map(name => `  ${name}["${patterns.get(name)}/"]`),
    '  subgraph core["src/"]',
    ...core.map(name => `    ${name}`),
    '  end',
    ...arrows,
    '```',
  ].join('\n');
}

const text = readFileSync(DOCUMENT, 'utf8');
if (!BLOCK.test(text)) throw new Error('docs/architecture.md has no place for the picture of imports.');
const current = text.replace(BLOCK, `$1${importsDiagram()}$2`);
if (!process.argv.includes('--check')) writeFileSync(DOCUMENT, current);
else if (current !== text) throw new Error('docs/architecture.md shows other imports; run npm run diagram.');
