/** What every document of the repository must hold, so that a reader never meets a dead link or a record without its date. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const inFolder = (folder: string, recursive: boolean) =>
  readdirSync(folder, { recursive, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => join(folder, name));
const documents = ['docs', 'models', '.github'].flatMap(folder => inFolder(folder, true));
documents.push(...inFolder('.', false));

/** A heading's address, as hosts of Markdown make it. */
const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
const withoutCode = (text: string) => text.replace(/^```.*?^```/gms, '').replace(/`[^`\n]*`/g, '');

it('the list of documents is not empty', () => {
  for (const file of ['README.md', 'docs/install.md', 'models/MODEL_CARD.md'])
    expect(documents).toContain(file);
});

it.each(documents)('%s: every link within the repository leads somewhere', file => {
  const text = withoutCode(readFileSync(file, 'utf8'));
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
  const dead = targets.filter(target => {
    if (/^[a-z]+:/.test(target)) return false;
    const [path = '', section] = target.split('#');
    const linked = path === '' ? file : join(dirname(file), path);
    if (!existsSync(linked)) return true;
    if (!section) return false;
    const headings = [...readFileSync(linked, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, title]) => title!);
    return !headings.some(heading => anchor(heading) === section);
  });
  expect(dead).toEqual([]);
});

it('docs/architecture.md shows the imports that lint allows', () => {
  // Throws with the command that mends the picture.
  execFileSync(process.execPath, ['scripts/imports-diagram.mjs', '--check'], { stdio: 'pipe' });
});

describe('decision records', () => {
  const folder = 'docs/decisions';
  const records = readdirSync(folder).filter(name => name !== 'README.md');
  const list = readFileSync(join(folder, 'README.md'), 'utf8');

  it('are numbered without a gap and stand in the list under their title', () => {
    expect(records.map(name => Number(name.slice(0, 3)))).toEqual(records.map((_, i) => i + 1));
    for (const name of records) {
      const [, title] = /^# \d+\. (.+)$/m.exec(readFileSync(join(folder, name), 'utf8'))!;
      expect(list).toContain(`- [${name.slice(0, 3)}](${name}) ${title}`);
    }
  });

  it.each(records)('%s has its number, a status and a date', name => {
    const text = readFileSync(join(folder, name), 'utf8');
    expect(text).toMatch(
      new RegExp(
        `^# ${Number(name.slice(0, 3))}\\. .+\n\n- Status: (accepted|superseded by \\d{3}|rejected)\n- Date: \\d{4}-\\d\\d-\\d\\d\n\n\\S`,
      ),
    );
  });
});

it('no file holds the marks of an unfinished merge', () => {
  // `git grep` ends with 1 where it finds nothing.
  const marked = () => execFileSync('git', ['grep', '-lE', '^(<{7}|>{7}) '], { encoding: 'utf8' });
  expect(marked).toThrow(expect.objectContaining({ status: 1 }));
});
