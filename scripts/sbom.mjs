// npm run sbom: a CycloneDX list of what the product is made of, on standard output. npm lists the packages; the models of models/manifest.json are added.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
// Not --omit dev: npm 10 then leaves out packages that development needs too.
const npm = ['sbom', '--sbom-format', 'cyclonedx'];
const sbom = JSON.parse(
  execFileSync('npm', npm, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    shell: process.platform === 'win32',
  }),
);
const isForDevelopment = ({ properties = [] }) =>
  properties.some(({ name, value }) => name === 'cdx:npm:package:development' && value === 'true');
const left = new Set(sbom.components.filter(isForDevelopment).map(component => component['bom-ref']));
sbom.components = sbom.components.filter(component => !left.has(component['bom-ref']));
sbom.dependencies = sbom.dependencies
  .filter(({ ref }) => !left.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(other => !left.has(other)) }));
const { models } = JSON.parse(readFileSync(join(root, 'models/manifest.json'), 'utf8'));
const product = sbom.metadata.component['bom-ref'];

/** CycloneDX 1.5: https://cyclonedx.org/docs/1.5/json/#components_items_type */
const componentOf = ({ id, version, name, sha256, licence, domain, variants = [] }) => ({
  'bom-ref': `model:${id}@${version}`,
  type: 'machine-learning-model',
  name: id,
  version,
  description: name,
  hashes: [{ alg: 'SHA-256', content: sha256 }],
  ...(typeof licence === 'string' ? { licenses: [{ license: { id: licence } }] } : {}),
  modelCard: {
    considerations: {
      useCases: ['Noise reduction of low-dose CT, for research'],
      technicalLimitations: [`Domain: ${JSON.stringify(domain)}`],
    },
  },
  properties: variants.map(({ file, sha256: hash }) => ({
    name: `iscl:variant:${file}`,
    value: `SHA-256 ${hash}`,
  })),
});
const components = models.map(componentOf);
sbom.components.push(...components);
const own = sbom.dependencies.find(({ ref }) => ref === product);
own.dependsOn.push(...components.map(component => component['bom-ref']));
sbom.dependencies.push(...components.map(component => ({ ref: component['bom-ref'], dependsOn: [] })));
process.stdout.write(`${JSON.stringify(sbom, null, 2)}\n`);
