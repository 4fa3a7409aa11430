import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What the product is made of: packages that run, and models. */
test('npm run sbom lists each package that runs, and each model with its hash', () => {
  const text = execFileSync(process.execPath, ['scripts/sbom.mjs'], { encoding: 'utf8', maxBuffer: 2 ** 28 });
  const sbom = JSON.parse(text) as {
    bomFormat: string;
    specVersion: string;
    components: { name: string; type: string; group?: string; hashes?: { content: string }[] }[];
  };
  expect([sbom.bomFormat, sbom.specVersion]).toEqual(['CycloneDX', '1.5']);
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: object };
  const names = sbom.components.map(({ name, group }) => (group ? `${group}/${name}` : name));
  expect(names).toEqual(expect.arrayContaining(Object.keys(dependencies)));
  const { models } = JSON.parse(readFileSync('models/manifest.json', 'utf8')) as {
    models: { id: string; sha256: string }[];
  };
  const listed = sbom.components.filter(({ type }) => type === 'machine-learning-model');
  expect(listed.map(({ name, hashes }) => [name, hashes![0]!.content])).toEqual(
    models.map(({ id, sha256 }) => [id, sha256]),
  );
});
