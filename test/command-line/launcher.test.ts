import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parsePart10 } from '../../src/dicom';
import { ctSeries, filesIn, imagesIn, folderOf, launch, removeTemporary, temporary } from './command';

afterAll(removeTemporary);

it.each(['SIGINT', 'SIGTERM'] as const)(
  '%s: exit code 130, whole files only; the same command does the rest',
  async signal => {
    const input = await folderOf(ctSeries(24, { size: 512 }));
    const output = await temporary();
    const first = await launch([input, output], async child => {
      // One look after the other: a second signal would end the process at once.
      while (child.exitCode === null && (await imagesIn(output)).length === 0) await delay(10);
      child.kill(signal);
    });
    expect(first.code).toBe(130);
    expect(first.report).toMatchObject({ exitCode: 130, series: [{ outcome: 'interrupted' }] });
    const files = await imagesIn(output);
    expect(files.length).toBe(first.report.series[0]!.written);
    expect(files.length).toBeLessThan(24);
    expect(files.every(file => file.endsWith('.dcm'))).toBe(true);

    const second = await launch([input, output]);
    expect(second.code).toBe(0);
    expect(second.report.series).toMatchObject([
      { outcome: 'done', kept: files.length, written: 24 - files.length },
    ]);
  },
  // Two processes, each of which compiles the command and loads ONNX Runtime: a minute on a machine with much else to do.
  240_000,
);

it('killed outright in the middle of a series: whole files only, and the same command does the rest at once', async () => {
  const input = await folderOf(ctSeries(24, { size: 512 }));
  const output = await temporary();
  const named = async () => (await imagesIn(output)).filter(file => file.endsWith('.dcm'));
  const killed = launch([input, output], async child => {
    // The second begins when the first is written down as whole.
    while (child.exitCode === null && (await named()).length < 2) await delay(10);
    child.kill('SIGKILL');
  });
  await expect(killed).rejects.toThrow(/exit code null/);
  const whole = await named();
  for (const file of whole) expect(() => parsePart10(readFileSync(join(output, file)))).not.toThrow();
  expect((await filesIn(output)).filter(file => file.endsWith('.lock'))).toHaveLength(1);

  const { code, report } = await launch([input, output]);
  expect(code).toBe(0);
  const [series] = report.series;
  expect(series).toMatchObject({ outcome: 'done', slices: 24 });
  expect(series!.kept).toBeGreaterThan(0);
  expect(series!.kept + series!.written).toBe(24);
  expect((await imagesIn(output)).every(file => file.endsWith('.dcm'))).toBe(true);
  expect((await filesIn(output)).filter(file => file.endsWith('.lock'))).toEqual([]);
}, 240_000);

it("leaves nothing in the user's home: ONNX Runtime's telemetry (a device id, a queue of events) is off", async () => {
  const home = await temporary();
  const env = { PATH: process.env['PATH'], HOME: home };
  const { code } = await launch([await folderOf(ctSeries(1)), await temporary()], undefined, env);
  expect(code).toBe(0);
  expect(await filesIn(home)).toEqual([]);
});
