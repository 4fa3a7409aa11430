import { monitorEventLoopDelay } from 'node:perf_hooks';
import dcmjs from 'dcmjs';
import {
  deriveInstance,
  naturalize,
  parsePart10,
  WorkerDeriver,
  type DeriveInput,
  type Provenance,
} from '../src/dicom';
import { part10, text, tinyCt } from '../test/conformance/part10';
import { nodeWorker } from '../test/unit/dicom-node-worker';
import { measure, type Row } from './measure';

const SIZE = 512;
/** Slices in one run: enough to be past the first compilation, few enough to hold. */
const SLICES = 30;
const PER = 'slice of 512 x 512';

const provenance: Provenance = {
  model: { name: 'bench', version: '1', sha256: 'ab'.repeat(32) },
  strength: 1,
  provider: 'wasm',
  precision: 'fp32',
  codeVersion: '0.1.0',
};
const createdAt = new Date(0);

async function inTurn(
  inputs: readonly DeriveInput[],
  derive: (input: DeriveInput) => Promise<unknown>,
): Promise<void> {
  for (const input of inputs) await derive(input);
}

interface DcmjsWriter {
  datasetToBuffer(dataset: object): Buffer;
}

/**
 * Deriving and encoding, in the worker and in this thread, beside dcmjs's writer doing nothing but put the same pixels under the same header,
 * which is how OHIF's own store function writes.
 */
export async function dicomRows(): Promise<Row[]> {
  const stored = Uint16Array.from({ length: SIZE * SIZE }, (_, i) => 1024 + ((i * 7919) % 400));
  const hu = Float32Array.from(stored, value => value - 1024 + (value % 3) - 1);
  const files = Array.from({ length: SLICES }, (_, index) =>
    part10(
      tinyCt({
        rows: SIZE,
        columns: SIZE,
        stored,
        changes: { 0x00080018: text('UI', `1.2.3.${index + 1}`) },
      }),
    ),
  );
  const instance = naturalize(parsePart10(files[0]!));
  const inputs: Record<string, () => DeriveInput[]> = {
    'Part 10 files': () => files.map(source => ({ source, hu: hu.slice(), provenance, createdAt })),
    'a viewer’s datasets': () =>
      files.map(() => ({ source: { instance, stored }, hu: hu.slice(), provenance, createdAt })),
  };
  const rows: Row[] = [];
  const deriver = new WorkerDeriver(nodeWorker);
  for (const [name, make] of Object.entries(inputs)) {
    rows.push(
      await measure(
        `derive and encode from ${name}, in the worker`,
        { per: PER, units: SLICES, runs: 10 },
        () => Promise.all(make().map(deriver.derive)),
      ),
    );
    rows.push(
      await measure(
        `derive and encode from ${name}, in this thread`,
        { per: PER, units: SLICES, runs: 10 },
        () => inTurn(make(), deriveInstance),
      ),
    );
  }
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  for (const input of inputs['Part 10 files']!()) await deriver.derive(input);
  delay.disable();
  deriver.dispose();
  const { datasetToBuffer } = dcmjs.data as unknown as DcmjsWriter;
  const meta = { TransferSyntaxUID: { vr: 'UI', Value: ['1.2.840.10008.1.2.1'] } };
  const words = Uint16Array.from(hu, value => value + 1024);
  rows.push(
    await measure(
      'the same header and pixels by dcmjs, nothing derived',
      { per: PER, units: 3, runs: 5 },
      () => {
        for (let i = 0; i < 3; i++) {
          datasetToBuffer({ ...instance, PixelData: words.buffer, _vrMap: { PixelData: 'OW' }, _meta: meta });
        }
      },
    ),
    {
      what: 'main thread while the worker derives: longest and median time without an answer',
      per: 'event loop',
      best: delay.max / 1e6,
      median: delay.percentile(50) / 1e6,
      runs: 1,
    },
  );
  return rows;
}
