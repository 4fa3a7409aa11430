import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import dcmjs from 'dcmjs';

/** A real low-dose CT (GE, JPEG-LS, 512 x 512, 70 slices of 5 mm), or the demo study's 40 where the shared data are absent. */
const REAL = resolve('../shared/data/ct/ACRIN-001_PETCT_abdomen_lowdose');
const DEMO = resolve('server/demo/quarter');

interface Element {
  readonly vr: string;
  Value: unknown[];
}
interface Part10 {
  readonly meta: Record<string, Element>;
  readonly dict: Record<string, Element>;
  write(): ArrayBuffer;
}
const { DicomMessage } = (
  dcmjs as unknown as { data: { DicomMessage: { readFile(bytes: ArrayBuffer): Part10 } } }
).data;

export interface RepeatedSeries {
  /** A temporary folder of Part 10 files; the caller removes it. */
  readonly folder: string;
  readonly study: string;
  readonly slices: number;
  /** What was repeated, in words. */
  readonly what: string;
}

/**
 * One series of `slices` slices: a real one, again and again along its normal at its own spacing. Pixels and their compression stay as they are;
 * only position, number and UIDs of the slices change.
 */
export function repeatedSeries(slices: number, from = existsSync(REAL) ? REAL : DEMO): RepeatedSeries {
  const sources = readdirSync(from)
    .filter(name => name.endsWith('.dcm'))
    .map(name => readFileSync(join(from, name)))
    .sort((a, b) => height(part10(a)) - height(part10(b)));
  const lowest = height(part10(sources[0]!));
  const spacing = height(part10(sources[1]!)) - lowest;
  const folder = mkdtempSync(join(tmpdir(), 'iscl-repeated-'));
  let study = '';
  for (let i = 0; i < slices; i++) {
    const file = part10(sources[i % sources.length]!);
    const { meta, dict } = file;
    const sop = `${String(dict['0020000E']!.Value[0]).slice(0, 56).replace(/\.$/, '')}.${i + 1}`;
    const [x, y] = dict['00200032']!.Value;
    meta['00020003']!.Value = [sop];
    dict['00080018']!.Value = [sop];
    dict['00200013']!.Value = [String(i + 1)];
    dict['00200032']!.Value = [x, y, lowest + i * spacing];
    study = String(dict['0020000D']!.Value[0]);
    writeFileSync(join(folder, `${String(i).padStart(4, '0')}.dcm`), new Uint8Array(file.write()));
  }
  const name = from === REAL ? 'ACRIN-001, a real low-dose CT' : from === DEMO ? 'the demo study' : from;
  return {
    folder,
    study,
    slices,
    what: `${slices} slices of 512x512 (${name}, ${sources.length} slices, repeated)`,
  };
}

/** Read anew for each slice: what is written must not be what was changed for the slice before. */
const part10 = (bytes: Buffer) => DicomMessage.readFile(new Uint8Array(bytes).buffer);

const height = ({ dict }: Part10) => Number(dict['00200032']!.Value[2]);
