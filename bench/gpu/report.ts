import type { Found } from './steps';

export interface StepResult {
  readonly name: string;
  readonly found: Found | null;
  readonly error: string | null;
}

export interface About {
  readonly machine: string;
  readonly dry: boolean;
  readonly vulkan: readonly string[];
  readonly driver: string;
}

type Of<Kind extends Found['kind']> = Extract<Found, { kind: Kind }>;

/** The tables as Markdown. */
export function report(about: About, results: readonly StepResult[]): string {
  const of = <Kind extends Found['kind']>(kind: Kind) =>
    results.flatMap(({ found }) => (found?.kind === kind ? [found as Of<Kind>] : []));
  const peak = (precision: string) => of('matmul').find(one => one.precision === precision)?.tflops;
  const lines = [
    `# WebGPU of onnxruntime-node on Vulkan${about.dry ? ': a dry run, its times mean nothing' : ''}`,
    '',
    `${about.machine}. ${about.driver}`,
    '',
    ...about.vulkan.map(line => `- ${line}`),
    '',
    '| device | size | ms | rate |',
    '| --- | --- | ---: | ---: |',
    ...of('matmul').map(
      ({ precision, n, ms, tflops }) =>
        `| matrix product, ${precision} | ${n} x ${n} | ${digits(ms)} | ${digits(tflops)} TFLOP/s |`,
    ),
    ...of('copy').flatMap(({ bytes, ms, gbPerSecond, callMs }) => [
      `| memory read and written | ${(bytes / 2 ** 20).toFixed(0)} MiB | ${digits(ms)} | ${digits(gbPerSecond)} GB/s |`,
      `| a call that does one such pass and reads one number back | | ${digits(callMs)} | |`,
    ]),
    '',
    '| model | on | precision | graph | slice | slices a run | open, ms | first run, ms | best, ms | median, ms | share of the matrix product’s rate | worst HU off | device memory, MiB | process, MiB |',
    '| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...of('model').map(one => {
      const { first, best, median } = one.times;
      const rate = one.provider === 'webgpu' ? peak(one.precision) : undefined;
      const share = rate === undefined ? '' : `${((100 * one.gflop) / best / rate).toFixed(1)} %`;
      const cells = [one.openMs, first, best, median].map(digits);
      const graph = one.fixedSize ? 'size fixed' : 'any size';
      const memory = [one.deviceMiB ?? 'not known', one.processMiB.toFixed(0)];
      return `| ${[one.model, one.provider, one.precision, graph, one.slice, one.outputs, ...cells, share, one.worstHu.toPrecision(2), ...memory].join(' | ')} |`;
    }),
    '',
    ...of('series').map(
      ({ model, slices, seconds, inference }) =>
        `${slices} slices through the command’s engine, ${model}: ${seconds.toFixed(2)} s, of them ${inference.toFixed(2)} s inference.`,
    ),
    ...results
      .filter(({ error }) => error)
      .map(({ name, error }) => `- not measured: ${name}: ${error!.replace(/\s+/g, ' ')}`),
    '',
  ];
  return lines.join('\n');
}

const digits = (value: number) => Number(value.toPrecision(3)).toString();
