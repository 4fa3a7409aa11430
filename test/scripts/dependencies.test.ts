import { readFileSync } from 'node:fs';

interface Package {
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
}

it('docs/dependencies.md gives reasons for packages that are there', () => {
  const packages = ['package.json', 'server/package.json'].map(
    file => JSON.parse(readFileSync(file, 'utf8')) as Package,
  );
  const used = packages.flatMap(each => Object.keys({ ...each.dependencies, ...each.devDependencies }));
  const text = readFileSync('docs/dependencies.md', 'utf8');
  const named = [...text.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name);
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter(name => !used.includes(name!))).toEqual([]);
});
