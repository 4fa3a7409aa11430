import { setTimeout as delay } from 'node:timers/promises';
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

it("leaves nothing in the user's home: ONNX Runtime's telemetry (a device id, a queue of events) is off", async () => {
  const home = await temporary();
  const env = { PATH: process.env['PATH'], HOME: home };
  const { code } = await launch([await folderOf(ctSeries(1)), await temporary()], undefined, env);
  expect(code).toBe(0);
  expect(await filesIn(home)).toEqual([]);
});
