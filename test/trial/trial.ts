/** A folder of DICOM through all that the product does with files, each part compared with a program of somebody else. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { listFolder } from '../../cli/folder-source';
import type { Report } from '../../cli/report';
import type { SourceInstance, SourceSeries } from '../../cli/source';
import { judgeSeries, planSlabs, PRODUCT, sliceFromStored, sortAlongNormal } from '../../src/ct';
import { blend } from '../../src/denoise';
import { decodeFrame, deriveInstance, naturalize, parsePart10, type Provenance } from '../../src/dicom';
import type { ModelCard, ModelManifest } from '../../src/engine';
import { DenoiseError, describe, printable } from '../../src/notices';
import { PYTHON } from '../conformance/python';
import { dcentvfy, dciodvfy } from '../conformance/tools';
import { start } from '../process';
import { Bench, partsOf } from '../unit/server-fixtures';

export interface TrialOptions {
  readonly folder: string;
  /** At most so many series of each verdict, and neighbouring slices of each; null: all. */
  readonly series: number | null;
  readonly slices: number | null;
  readonly say?: (line: string) => void;
}

export interface TrialResult {
  /** Name and value, in the order of the table. */
  readonly figures: readonly (readonly [string, string])[];
  /** What is not as it should be, one line each. */
  readonly differences: readonly string[];
}

interface Copied {
  readonly name: string;
  readonly file: string;
  readonly instance: SourceInstance['instance'];
}
interface TriedSeries {
  readonly series: SourceSeries;
  readonly isAccepted: boolean;
  readonly copies: readonly Copied[];
}

/** The command runs in the folder of the package, as npm and jest do. */
const SHIPPED = resolve('models');

/** @throws when a program that the trial compares with is not there */
export async function trial({
  folder,
  series,
  slices,
  say = () => undefined,
}: TrialOptions): Promise<TrialResult> {
  const work = await mkdtemp(join(tmpdir(), 'iscl-trial-'));
  try {
    const card = await defaultCard();
    say(`Reading ${folder} ...`);
    const listing = await listFolder(folder);
    const judged = listing.series.map(each => {
      const verdict = judgeSeries(
        each.instances.map(({ instance }) => instance),
        card.domain,
        card.slab,
      );
      return { series: each, verdict };
    });
    const accepted = judged.filter(({ verdict }) => verdict.kind === 'accepted');
    const refused = judged.filter(({ verdict }) => verdict.kind === 'refused');
    const chosen = [spread(accepted, series), spread(refused, series)].flat();
    const tried: TriedSeries[] = [];
    for (const [index, { series: each, verdict }] of chosen.entries()) {
      const isAccepted = verdict.kind === 'accepted';
      const copies = await copied(
        join(work, isAccepted ? 'accepted' : 'refused', String(index)),
        each,
        slices,
      );
      tried.push({ series: each, isAccepted, copies });
    }
    const differences: string[] = [];
    const reasons = new Set(
      refused
        .flatMap(({ verdict }) => (verdict.kind === 'refused' ? verdict.reasons : []))
        .map(reason => describe(reason))
        .map(({ happened }) => happened),
    );
    say(`${accepted.length} series accepted, ${refused.length} refused; strength 0 and 1 ...`);
    const padding: Padding = {};
    // Slices that are refused only when they are decoded, with the reason.
    const undone = new Map<string, string>();
    const runs = {
      zero: await atZero(work, card, tried, padding, undone),
      one: await atFull(work, card, tried, undone, differences),
    };
    say('Validators ...');
    const validated = validate(tried, runs, differences);
    say('The server ...');
    const served = await serve(work, tried, differences);
    say('pydicom and ONNX Runtime ...');
    const checked = check(work, card, tried, padding, runs, served);
    differences.push(...checked.differences);
    const { zero, one, frames, metadata } = checked;
    const count = (kind: readonly { readonly series: SourceSeries }[]) =>
      kind.reduce((sum, each) => sum + each.series.instances.length, 0);
    return {
      differences,
      figures: [
        ['images', String(count(judged))],
        ['files named as unreadable', String(listing.unreadable.length)],
        ['files named as no image, or a copy', String(listing.ignored.length)],
        ['series accepted (images)', `${accepted.length} (${count(accepted)})`],
        ['series refused, each with a reason (images)', `${refused.length} (${count(refused)})`],
        ['different reasons', String(reasons.size)],
        [
          'series tried (images)',
          `${tried.length} (${tried.reduce((sum, { copies }) => sum + copies.length, 0)})`,
        ],
        ['slices refused when they are decoded, each with a reason', String(undone.size)],
        [`strength 0 against pydicom ${checked.pydicom}: slices, pixels, different`, triple(zero)],
        [
          one.runtime === null
            ? 'strength 1 against ONNX Runtime in Python'
            : `strength 1 against ONNX Runtime ${one.runtime} in Python: slices, pixels, different`,
          one.runtime === null ? 'not run: Python has no onnxruntime' : triple(one),
        ],
        ...(one.runtime === null
          ? []
          : [['of them one step apart, as two builds add up', thousands(one.oneStep)] as const]),
        ['dciodvfy: files, new messages', `${validated.files}, ${validated.iod}`],
        ['dcentvfy: series, new messages', `${validated.series}, ${validated.entity}`],
        [
          'server, frames: compared, different, refused with a reason',
          `${frames.compared}, ${frames.different}, ${served.refusedFrames}`,
        ],
        [
          'server, metadata: instances, values compared, different',
          `${metadata.instances}, ${thousands(metadata.compared)}, ${metadata.different}`,
        ],
        ['values that pydicom cannot read', String(metadata.unread)],
        ['images that the server does not take, each with a reason', String(served.refusedFiles)],
      ],
    };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const thousands = (n: number) => n.toLocaleString('en-US');
const triple = ({ slices, pixels, different }: { slices: number; pixels: number; different: number }) =>
  `${slices}, ${thousands(pixels)}, ${different}`;

async function defaultCard(): Promise<ModelCard> {
  const manifest = JSON.parse(await readFile(join(SHIPPED, 'manifest.json'), 'utf8')) as ModelManifest;
  return manifest.models.find(({ id }) => id === manifest.default)!;
}

/** At most `count`, evenly spread. */
function spread<T>(items: readonly T[], count: number | null): readonly T[] {
  if (count === null || items.length <= count) return items;
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]!);
}

/** Neighbouring slices from the middle of a series, as files of their own. */
async function copied(folder: string, { instances }: SourceSeries, count: number | null): Promise<Copied[]> {
  await mkdir(folder, { recursive: true });
  const sorted = sortAlongNormal(instances, ({ instance }) => instance);
  const size = Math.min(count ?? sorted.length, sorted.length);
  const first = (sorted.length - size) >> 1;
  const copies: Copied[] = [];
  for (const each of sorted.slice(first, first + size)) {
    const file = join(folder, `${copies.length}.dcm`);
    await writeFile(file, await each.read());
    copies.push({ name: each.instance.SOPInstanceUID, file, instance: each.instance });
  }
  return copies;
}

/** Derived files of one strength, by `keyOf` the SOP Instance UID of their source. */
type Derived = ReadonlyMap<string, string>;
/** Readers leave out of a UID in an item what no UID may hold. */
const keyOf = (uid: string) => uid.replace(/[^\d.]/g, '');
interface Runs {
  readonly zero: Derived;
  readonly one: Derived;
}

/** Which pixels of a file are padding, as bytes in a file of their own, and the range of the padding value. */
type Padding = Record<string, { readonly mask: string; readonly range: readonly [number, number] | null }>;

/** At strength 0 the command writes nothing, so the parts that it consists of are tried. */
async function atZero(
  work: string,
  { id, version, sha256 }: ModelCard,
  tried: readonly TriedSeries[],
  padding: Padding,
  undone: Map<string, string>,
): Promise<Derived> {
  const derived = new Map<string, string>();
  const output = join(work, 'strength-0');
  await mkdir(output);
  const provenance: Provenance = {
    model: { name: id, version, sha256 },
    strength: 0,
    provider: 'cpu',
    precision: 'fp32',
    codeVersion: PRODUCT.version,
  };
  for (const { name, file, instance } of acceptedOf(tried)) {
    try {
      const source = new Uint8Array(await readFile(file));
      const { stored } = await decodeFrame(parsePart10(source));
      const slice = sliceFromStored(stored, instance);
      if (slice.padding || slice.modality.padding) {
        const { low, high } = slice.modality.padding ?? {};
        padding[file] = { mask: `${file}.padding`, range: low === undefined ? null : [low, high!] };
        await writeFile(`${file}.padding`, slice.padding ?? new Uint8Array(slice.stored.length));
      }
      const hu = blend(slice, new Float32Array(slice.hu.length), 0);
      const { part10 } = await deriveInstance({ source, hu, provenance, createdAt: new Date() });
      const made = join(output, `${derived.size}.dcm`);
      await writeFile(made, part10);
      derived.set(keyOf(name), made);
    } catch (error) {
      if (!(error instanceof DenoiseError)) throw error;
      undone.set(name, describe(error.notice).happened);
    }
  }
  return derived;
}

const acceptedOf = (tried: readonly TriedSeries[]): Copied[] =>
  tried.filter(({ isAccepted }) => isAccepted).flatMap(({ copies }) => copies);

/** By the command. */
async function atFull(
  work: string,
  card: ModelCard,
  tried: readonly TriedSeries[],
  undone: ReadonlyMap<string, string>,
  differences: string[],
): Promise<Derived> {
  const derived = new Map<string, string>();
  const expected = acceptedOf(tried).length;
  if (expected === 0) return derived;
  const output = join(work, 'strength-1');
  const args = [
    'cli/iscl-denoise.mjs',
    join(work, 'accepted'),
    output,
    '--json',
    '--model',
    card.id,
    '--guards',
    'warn',
  ];
  const { code, stdout, stderr } = await start(process.execPath, args);
  if (!stdout) throw new Error(`iscl-denoise: exit code ${code}\n${stderr}`);
  const report = JSON.parse(stdout) as Report;
  for (const { outcome, seriesInstanceUid, failed, derivedSeriesInstanceUid } of report.series) {
    for (const { sopInstanceUid, reason } of failed)
      if (!undone.has(sopInstanceUid)) differences.push(`strength 1: ${sopInstanceUid}: ${reason}`);
    const isExplained = outcome === 'incomplete' && failed.length > 0;
    if (outcome !== 'done' && !isExplained)
      differences.push(`strength 1: series ${seriesInstanceUid} is ${outcome}`);
    if (derivedSeriesInstanceUid === null) continue;
    const listed = await readFile(join(output, `${derivedSeriesInstanceUid}.sha256`), 'utf8').catch(() => '');
    for (const [, name] of listed.matchAll(/ {2}(.+)\n/g)) {
      const file = join(output, name!);
      const { SourceImageSequence } = naturalize(parsePart10(await readFile(file)));
      const [source] = SourceImageSequence as { ReferencedSOPInstanceUID: string }[];
      derived.set(keyOf(source!.ReferencedSOPInstanceUID), file);
    }
  }
  if (derived.size + undone.size !== expected)
    differences.push(`strength 1: ${derived.size} of ${expected - undone.size} slices`);
  return derived;
}

const REFERENCE = /Referenced|SourceImageSequence/;
const withoutPath = (message: string) => message.replace(/<\/.*?>/, '');

function validate(tried: readonly TriedSeries[], { one }: Runs, differences: string[]) {
  const totals = { files: 0, iod: 0, series: 0, entity: 0 };
  for (const { copies, series } of tried) {
    const pairs = copies.flatMap(({ name, file }) => {
      const derived = one.get(keyOf(name));
      return derived ? [{ name, file, derived }] : [];
    });
    if (pairs.length === 0) continue;
    // What is wrong with a source's own UIDs is told again where a derived file refers to it, or to its neighbours.
    const known = new Set(
      copies.flatMap(({ file }) => dciodvfy(file)).flatMap(each => [each, withoutPath(each)]),
    );
    for (const { name, derived } of pairs) {
      const added = dciodvfy(derived).filter(
        each => !known.has(each) && !(REFERENCE.test(each) && known.has(withoutPath(each))),
      );
      totals.files++;
      totals.iod += added.length;
      for (const message of added) differences.push(`dciodvfy: ${name}: ${message}`);
    }
    const sources = pairs.map(({ file }) => file);
    const before = new Set(dcentvfy(sources));
    const after = dcentvfy([...sources, ...pairs.map(({ derived }) => derived)]);
    const added = after.filter(message => !before.has(message));
    totals.series++;
    totals.entity += added.length;
    for (const message of added) differences.push(`dcentvfy: ${series.seriesInstanceUid}: ${message}`);
  }
  return totals;
}

interface Compared {
  readonly name: string;
  readonly file: string;
  readonly served: string;
}
interface Served {
  readonly frames: Compared[];
  readonly metadata: Compared[];
  refusedFrames: number;
  refusedFiles: number;
}

/** What the server gives of each image, as files. */
async function serve(work: string, tried: readonly TriedSeries[], differences: string[]): Promise<Served> {
  const served: Served = { frames: [], metadata: [], refusedFrames: 0, refusedFiles: 0 };
  const answers = join(work, 'served');
  await mkdir(answers);
  const bench = new Bench();
  try {
    const { url } = await bench.start({ dicom: [work] });
    const problems = await problemsOf(url);
    let number = 0;
    for (const { copies } of tried) {
      for (const { name, file, instance } of copies) {
        const { StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID } = instance;
        const path = `${url}dicomweb/studies/${StudyInstanceUID}/series/${SeriesInstanceUID}/instances/${SOPInstanceUID}`;
        const at = join(answers, String(number++));
        const metadata = await fetch(`${path}/metadata`);
        if (metadata.status !== 200) {
          served.refusedFiles++;
          // By an address that is none, or by its list of files that it does not use.
          const isNamed = metadata.status === 400 || problems.some(({ path: at }) => file.endsWith(at));
          if (!isNamed) differences.push(`server, ${name}: ${metadata.status} ${await metadata.text()}`);
          continue;
        }
        const [json] = (await metadata.json()) as unknown[];
        await writeFile(`${at}.json`, JSON.stringify(json));
        served.metadata.push({ name, file, served: `${at}.json` });
        if (!instance['Rows'] || !(json as Record<string, unknown>)['7FE00010']) continue;
        const frame = await fetch(`${path}/frames/1`, {
          headers: { Accept: 'multipart/related; type="application/octet-stream"; transfer-syntax=*' },
        });
        if (frame.status !== 200) {
          served.refusedFrames++;
          continue;
        }
        const [part] = await partsOf(frame);
        await writeFile(`${at}.frame`, part!.body);
        served.frames.push({ name, file, served: `${at}.frame` });
      }
    }
  } finally {
    await bench.close();
  }
  return served;
}

/** Files that the server does not use, each with its reason. */
async function problemsOf(url: string): Promise<readonly { readonly path: string }[]> {
  const answer = await fetch(`${url}dicomweb/_problems`);
  return ((await answer.json()) as { problems: { path: string }[] }).problems;
}

interface Checked {
  readonly differences: string[];
  readonly pydicom: string;
  readonly zero: { slices: number; pixels: number; different: number };
  readonly one: {
    slices: number;
    pixels: number;
    different: number;
    oneStep: number;
    runtime: string | null;
  };
  readonly frames: { compared: number; different: number };
  readonly metadata: { instances: number; compared: number; different: number; unread: number };
}

function check(
  work: string,
  card: ModelCard,
  tried: readonly TriedSeries[],
  padding: Padding,
  { zero, one }: Runs,
  { frames, metadata }: Served,
): Checked {
  const slabs = tried
    .filter(({ isAccepted }) => isAccepted)
    .flatMap(({ copies }) => {
      const plan = planSlabs(
        copies.map(({ instance }) => instance),
        card.slab ?? null,
      );
      return plan.map(({ inputs, own }) => ({
        inputs: inputs.map(index => copies[index]!.file),
        own: own.map(index => {
          const { name, file } = copies[index]!;
          return { name, source: file, zero: zero.get(keyOf(name)), one: one.get(keyOf(name)) };
        }),
      }));
    });

  const job = join(work, 'job.json');
  const model = join(SHIPPED, card.file);
  const text = JSON.stringify({ model, card, slabs, padding, frames, metadata });
  writeFileSync(job, text);
  const { status, stdout, stderr } = spawnSync(PYTHON, [resolve('test/trial/check.py'), job], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`check.py: ${stderr}`);
  return JSON.parse(stdout) as Checked;
}

/** The figures as a table, and what differs. */
export function told({ figures, differences }: TrialResult, shown = 50): string {
  const table = figures.map(([name, value]) => `| ${name} | ${value} |`);
  const lines = differences.slice(0, shown).map(line => `- ${printable(line)}`);
  const more = differences.length > shown ? [`- and ${differences.length - shown} more`] : [];
  const head = differences.length === 0 ? 'Nothing differs.' : `${differences.length} differences:`;
  return ['| what | figure |', '| --- | --- |', ...table, '', head, ...lines, ...more].join('\n');
}
