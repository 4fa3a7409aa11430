/** @jest-environment ./test/node-environment.cjs */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { absentHere } from '../absent';
import {
  ctInstance,
  ctSeries,
  filesIn,
  folderOf,
  imagesIn,
  launch,
  removeTemporary,
  run,
  runJson,
  SERIES,
  temporary,
} from './command';

afterAll(removeTemporary);

const TRIALS = resolve('../shared/data/trials');
const absent = absentHere(existsSync(TRIALS) ? null : `${TRIALS} is absent`);
if (absent) console.warn(`skipped: ${absent}`);
const withData = absent ? it.skip : it;

/** A folder of slices named IM1 to IM5, as exports on media have them. */
async function media(change: (folder: string) => Promise<void>): Promise<string> {
  const folder = await temporary();
  for (const [i, { part10 }] of ctSeries(5).entries()) await writeFile(join(folder, `IM${i + 1}`), part10);
  await change(folder);
  return folder;
}
const replaced = (content: (was: Buffer) => Uint8Array) => async (folder: string) =>
  writeFile(join(folder, 'IM3'), content(await readFile(join(folder, 'IM3'))));

describe('a slice that cannot be read is named, whatever is left of it', () => {
  it.each<[string, (folder: string) => Promise<void>]>([
    ['nothing', replaced(() => Buffer.alloc(0))],
    ['zeros in place of the header', replaced(was => was.fill(0, 0, 400))],
    ['zeros only', replaced(was => was.fill(0))],
    ['an erased flash block', replaced(was => was.fill(0xff))],
    ['the second half', replaced(was => was.subarray(was.length / 2))],
    ['the first 100 bytes', replaced(was => was.subarray(0, 100))],
    ['other bytes', replaced(was => was.map((value, i) => value ^ (i * 151 + 77)))],
    ['a dataset without an SOP Instance UID', replaced(() => withoutUid())],
    [
      'a web page under the name of an image',
      async folder => {
        await rm(join(folder, 'IM3'));
        await writeFile(join(folder, 'IM3.dcm'), '<!doctype html><title>404</title>');
      },
    ],
  ])('%s', async (_left, change) => {
    const { code, unreadable, series, ...report } = await runJson([await media(change), await temporary()]);
    expect([code, report.ignored]).toEqual([4, []]);
    expect(unreadable).toMatchObject([{ file: expect.stringMatching(/^IM3/) }]);
    expect(series).toMatchObject([
      {
        outcome: 'done',
        written: 4,
        verdict: {
          warnings: expect.arrayContaining([
            expect.objectContaining({ code: 'slices-missing', gaps: 1, slices: 1 }),
          ]),
        },
      },
    ]);
  });

  it('two files without an SOP Instance UID are two', async () => {
    const input = await media(async folder => {
      for (const name of ['IM2', 'IM3']) await writeFile(join(folder, name), withoutUid());
    });
    expect((await runJson([input, await temporary()])).unreadable).toHaveLength(2);
  });

  it('the gap is told before and after', async () => {
    const input = await media(replaced(() => Buffer.alloc(0)));
    const told = /warning: The series has 1 gap between its slices; by their spacing, 1 slice is missing\./;
    expect((await run(['--dry-run', input])).stdout).toMatch(told);
    const output = await temporary();
    expect((await run([input, output])).stdout).toMatch(told);
    const [file] = await imagesIn(output);
    expect((await readFile(join(output, file!))).toString('latin1')).toContain('slices-missing (1, 1)');
  });

  withData('the trial that was silent', async () => {
    const report = await runJson([join(TRIALS, '10-silent'), await temporary()]);
    expect(report).toMatchObject({
      code: 4,
      unreadable: [{ file: 'IM2' }, { file: 'IM3', what: expect.stringContaining('empty') }],
      series: [
        {
          written: 2,
          verdict: {
            warnings: expect.arrayContaining([
              expect.objectContaining({ code: 'slices-missing', slices: 2 }),
            ]),
          },
        },
      ],
    });
  });
});

const withoutUid = () => {
  const { part10 } = ctInstance(3);
  // The tag of the last SOP Instance UID, which is the dataset's.
  part10[Buffer.from(part10.buffer).lastIndexOf(Buffer.from([8, 0, 0x18, 0, 0x55, 0x49])) + 2] = 0x19;
  return part10;
};

describe('what is plainly no DICOM is listed by name', () => {
  const files: [string, Uint8Array | string, string][] = [
    ['task.json', '{"id": 1}', 'a JSON text'],
    ['LIESMICH', Buffer.from('Für Ärzte: Bilder von heute, bitte prüfen.', 'latin1'), 'a text'],
    ['notes', '\ufeffschöne Grüße\n', 'a text'],
    ['index.htm', '<!DOCTYPE html><p>', 'an HTML page'],
    ['study.xml', '<?xml version="1.0"?>', 'an XML text'],
    ['report.pdf', '%PDF-1.7 \u0000', 'a PDF document'],
    ['preview', Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0]), 'a PNG image'],
    ['old.zip', Buffer.from('PK\x03\x04 \0'), 'a ZIP archive'],
    ['IM9.gz', gzipSync('x'), 'a gzip archive'],
    ['.complete', '', 'empty'],
  ];
  it('and does not make the run incomplete', async () => {
    const input = await folderOf(ctSeries(2));
    for (const [name, content] of files) await writeFile(join(input, name), content);
    const report = await runJson([input, await temporary()]);
    expect(report).toMatchObject({ code: 0, unreadable: [], ignoredFiles: files.length });
    const what = new Map(files.map(([name, , format]) => [name, format]));
    expect(new Map(report.ignored.map(({ file, what: format }) => [file, format]))).toEqual(what);
    const { stdout } = await run(['--dry-run', input]);
    expect(stdout).toContain(`${files.length} files are no image to be read, or a copy:\n`);
    expect(stdout).toContain('  report.pdf: a PDF document\n');
  });
  it('copies and pipes too', async () => {
    const input = await folderOf(ctSeries(1));
    const [file] = await filesIn(input);
    await copyFile(join(input, file!), join(input, 'copy'));
    execFileSync('mkfifo', [join(input, 'pipe')]);
    const { code, ignored } = await runJson([input, await temporary()]);
    expect(code).toBe(0);
    expect(new Set(ignored.map(({ file: name, what }) => `${name}: ${what}`))).toEqual(
      new Set(['pipe: a socket, pipe or device', `copy: a copy of ${file}`]),
    );
  });
  it('names in Latin-1 are read by their bytes and written escaped', async () => {
    const input = await temporary();
    const folder = Buffer.concat([Buffer.from(`${input}/M`), Buffer.from([0xfc]), Buffer.from('ller')]);
    await mkdir(folder);
    for (const { sopInstanceUid, part10 } of ctSeries(2))
      await writeFile(Buffer.concat([folder, Buffer.from(`/${sopInstanceUid}`)]), part10);
    await writeFile(Buffer.concat([folder, Buffer.from('/gone')]), '');
    expect(await runJson([input, await temporary()])).toMatchObject({
      code: 4,
      unreadable: [{ file: 'M\\xfcller/gone' }],
      series: [{ outcome: 'done', written: 2 }],
    });
  });
});

describe('a source that changes while it is read', () => {
  /** The command, with `change` made once its first slice is done. */
  async function during(change: (input: string) => Promise<void>, count = 40) {
    const input = await folderOf(ctSeries(count));
    const output = await temporary();
    let isChanged = false;
    const { code, report } = await launch([input, output], async child => {
      await new Promise<void>(done => {
        child.stderr!.on('data', text => {
          if (isChanged || !/Model/.test(String(text))) return;
          isChanged = true;
          void change(input).then(done);
        });
        child.once('exit', () => done());
      });
    });
    expect(isChanged).toBe(true);
    return { code, series: report.series[0]!, files: await imagesIn(output) };
  }
  const file = (input: string, number: number) => join(input, SERIES, `${SERIES}.${number}`);

  it.each<[string, (input: string) => Promise<void>, RegExp]>([
    [
      'another slice under its name',
      async input => copyFile(file(input, 2), file(input, 40)),
      /now holds image 2\.25\.2001\.2/,
    ],
    [
      'other pixels',
      async input => writeFile(file(input, 40), ctInstance(40, { seed: 3 }).part10),
      /content of its file has changed/,
    ],
    [
      'another slope',
      async input => writeFile(file(input, 40), ctInstance(40, { attributes: { RescaleSlope: 2 } }).part10),
      /content of its file has changed/,
    ],
    [
      'cut short',
      async input => writeFile(file(input, 40), ctInstance(40).part10.subarray(0, 900)),
      /can no longer be read as DICOM/,
    ],
    ['gone', async input => rm(file(input, 40)), /does not exist/],
    [
      'two files that changed names',
      async input => {
        await rename(file(input, 39), file(input, 41));
        await rename(file(input, 40), file(input, 39));
        await rename(file(input, 41), file(input, 40));
      },
      /now holds image/,
    ],
  ])('%s: named, exit code 4, as many written as files are there', async (_what, change, reason) => {
    const { code, series, files } = await during(change);
    expect([code, series.outcome]).toEqual([4, 'incomplete']);
    expect(series.failed.map(({ reason: told }) => told).join()).toMatch(reason);
    expect(series.written).toBe(files.length);
    expect(series.written + series.failed.length).toBe(40);
  });

  it('a result that somebody takes away is not counted', async () => {
    const input = await folderOf(ctSeries(60));
    const output = await temporary();
    let taken = '';
    const { code, report } = await launch([input, output], async child => {
      while (taken === '' && child.exitCode === null) {
        [taken = ''] = (await imagesIn(output)).filter(name => name.endsWith('.dcm'));
        if (taken) await rm(join(output, taken));
      }
    });
    const [series] = report.series;
    expect([code, series!.written]).toEqual([4, (await imagesIn(output)).length]);
    expect(taken).toContain(series!.failed[0]!.sopInstanceUid);
  });
});

describe('what is printed', () => {
  const hostile = 'HU\u001b[2J\u009b1A\nSeries: done, 300 slices';
  const input = async () =>
    folderOf(
      ctSeries(2, {
        attributes: { RescaleType: hostile.slice(0, 10), BodyPartExamined: 'A\u001b]0;x\u0007' },
      }),
    );
  it('moves no cursor and makes no line of its own', async () => {
    const folder = await input();
    await writeFile(join(folder, 'a\u001b[31m\n.dcm'), 'x');
    await writeFile(join(folder, 'turned\u202e.txt'), 'x');
    for (const argv of [
      ['--dry-run', folder],
      ['--dry-run', '--json', folder],
    ]) {
      const { stdout, stderr } = await run(argv);
      expect(stdout).toContain(argv.length === 3 ? 'a\\\\u{1b}[31m\\\\u{a}.dcm' : 'a\\u{1b}[31m\\u{a}.dcm');

      expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    }
  });
  it('is escaped in result.json and in a message of wrong usage', async () => {
    const output = await temporary();
    await run([], { MERCURE_IN_DIR: await input(), MERCURE_OUT_DIR: output });
    expect(await readFile(join(output, 'result.json'), 'utf8')).toContain('\\\\u{1b}');

    expect((await run(['--\u001b[2J'])).stderr).not.toMatch(/\u001b/);

    expect((await run([join(output, 'no\u001b[2J'), output])).stdout).not.toMatch(/\u001b/);
  });
  withData('the trial with escapes', async () => {
    const { stdout, code } = await run(['--dry-run', join(TRIALS, '15-escapes')]);
    expect([code, stdout]).toEqual([3, expect.stringContaining('\\u{1b}')]);

    expect(stdout).not.toMatch(/\u001b/);
  });
});

describe('standard output that cannot be written', () => {
  it.each([
    ['closed', '>&-', 0],
    ['a reader that has gone', '| true', 0],
    ['a full disk', '>/dev/full', 7],
  ])('%s', async (_what, redirection, expected) => {
    const [source, output] = [await folderOf(ctSeries(1)), await temporary()];
    const command = `set -o pipefail; node cli/iscl-denoise.mjs "${source}" "${output}" --json --guards warn --model test/fixtures/box-model/manifest.json 2>/dev/null ${redirection}`;
    let code: unknown = 0;
    try {
      execFileSync('bash', ['-c', command], { stdio: 'ignore' });
    } catch (error) {
      code = (error as { status: unknown }).status;
    }
    expect(code).toBe(expected);
    expect(await imagesIn(output)).toHaveLength(1);
  });
});
