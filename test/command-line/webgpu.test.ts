import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { decodeFrame, naturalize, parsePart10 } from '../../src/dicom';
import { readFile } from 'node:fs/promises';
import { absentHere } from '../absent';
import { ctSeries, folderOf, imagesIn, launch, removeTemporary, temporary } from './command';

/*
 * onnxruntime-node's own WebGPU, on the software driver that Chromium brings: it shows that the path works and that its numbers are right, and
 * nothing about speed.
 */
const ICD = ['/usr/lib/chromium/vk_swiftshader_icd.json'].find(existsSync);
const LOADER = ['x86_64', 'aarch64'].map(cpu => `/usr/lib/${cpu}-linux-gnu/libvulkan.so.1`).find(existsSync);
const absent = absentHere(
  !ICD ? 'no SwiftShader driver of Chromium' : !LOADER ? 'libvulkan1 is not installed' : null,
);
if (absent) process.stdout.write(`skipped: --provider webgpu on SwiftShader: ${absent}\n`);

afterAll(removeTemporary);

const withDriver = (driver: string) => ({
  ...process.env,
  VK_ICD_FILENAMES: driver,
  VK_DRIVER_FILES: driver,
});

async function imagesBySource(folder: string) {
  const images = new Map<string, Awaited<ReturnType<typeof decodeFrame>>['stored']>();
  for (const file of await imagesIn(folder)) {
    const parsed = parsePart10(await readFile(join(folder, file)));
    const [source] = naturalize(parsed)['SourceImageSequence'] as { ReferencedSOPInstanceUID: string }[];
    images.set(source!.ReferencedSOPInstanceUID, (await decodeFrame(parsed)).stored);
  }
  return images;
}

(absent ? it.skip : it)(
  '--provider webgpu gives what cpu gives, within one stored value, under UIDs of its own, and resumes',
  async () => {
    const input = await folderOf(ctSeries(3));
    const [cpu, gpu] = [await temporary(), await temporary()];
    expect((await launch([input, cpu])).code).toBe(0);
    const argv = [input, gpu, '--provider', 'webgpu'];
    const first = await launch(argv, undefined, withDriver(ICD!));
    expect(first).toMatchObject({
      code: 0,
      report: { series: [{ outcome: 'done', provider: 'webgpu', written: 3 }] },
    });
    const [expected, actual] = [await imagesBySource(cpu), await imagesBySource(gpu)];
    expect([...actual.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [source, stored] of actual) {
      const reference = expected.get(source)!;
      stored.forEach((value, i) => expect(Math.abs(value - reference[i]!)).toBeLessThanOrEqual(1));
    }
    expect(await imagesIn(gpu)).not.toEqual(await imagesIn(cpu));
    const again = await launch(argv, undefined, withDriver(ICD!));
    expect(again.report.series).toMatchObject([{ kept: 3, written: 0 }]);
  },
  240_000,
);

it('without an adapter: exit code 6, nothing written, and what to do about it', async () => {
  const output = await temporary();
  const argv = [await folderOf(ctSeries(1)), output, '--provider', 'webgpu'];
  const { code, report } = await launch(argv, undefined, withDriver('/nonexistent.json'));
  expect(code).toBe(6);
  expect(report.error).toMatch(/^WebGPU cannot be used here.*Nothing was written.*--provider cpu\.$/);
  expect(await imagesIn(output)).toEqual([]);
}, 240_000);
