import { halves } from './half';
import { FLOAT, FLOAT16, INT64, writeModel, type Node, type TensorProto } from './schema';

/*
 * Graphs that measure the device through the runtime that runs the models. Each takes one number, repeats one operation and gives one number back, so that
 * nothing large crosses the bus; the time of `times` operations less that of fewer is the operation alone.
 */

/** A product of two n x n matrices, `times` over; 2 n^3 FLOP each. Random values: a product of zeros can be faster. */
export function matmulProbe(n: number, times: number, half: boolean): Uint8Array {
  const type = half ? FLOAT16 : FLOAT;
  // Unit variance is kept from product to product, so nothing overflows float16.
  const weights = (name: string): TensorProto => {
    const values = random(n * n, Math.sqrt(3 / n));
    const data = half ? halves(values) : values;
    return { name, dims: [n, n], dataType: type, rawData: new Uint8Array(data.buffer) };
  };
  const node: Node[] = [
    { opType: 'Cast', input: ['seed'], output: ['typed'], attribute: [{ name: 'to', type: 2, i: type }] },
    { opType: 'Mul', input: ['left', 'typed'], output: ['x0'] },
    ...steps(times, i => ({ opType: 'MatMul', input: [`x${i}`, 'right'], output: [`x${i + 1}`] })),
  ];
  return probe(node, `x${times}`, [n, n], [weights('left'), weights('right')], half);
}

/** Adds a number to n numbers, `times` over: 4 n bytes read and 4 n written each. */
export function copyProbe(n: number, times: number): Uint8Array {
  const shape: TensorProto = {
    name: 'shape',
    dims: [1],
    dataType: INT64,
    rawData: new Uint8Array(new BigInt64Array([BigInt(n)]).buffer),
  };
  const node: Node[] = [
    { opType: 'Expand', input: ['seed', 'shape'], output: ['x0'] },
    ...steps(times, i => ({ opType: 'Add', input: [`x${i}`, 'seed'], output: [`x${i + 1}`] })),
  ];
  return probe(node, `x${times}`, [n], [shape], false);
}

const steps = (times: number, step: (i: number) => Node) => Array.from({ length: times }, (_, i) => step(i));

/** The first element of `last` as the graph's output. */
function probe(
  node: Node[],
  last: string,
  shape: readonly number[],
  initializer: TensorProto[],
  half: boolean,
): Uint8Array {
  const index = (name: string, value: number): TensorProto => ({
    name,
    dims: [shape.length],
    dataType: INT64,
    rawData: new Uint8Array(BigInt64Array.from(shape, () => BigInt(value)).buffer),
  });
  const value = (name: string, rank: number) => ({
    name,
    type: {
      tensorType: { elemType: FLOAT, shape: { dim: Array.from({ length: rank }, () => ({ dimValue: 1 })) } },
    },
  });
  const cast = {
    opType: 'Cast',
    input: ['one'],
    output: ['result'],
    attribute: [{ name: 'to', type: 2, i: FLOAT }],
  };
  return writeModel({
    irVersion: 8,
    opsetImport: [{ domain: '', version: 17 }],
    graph: {
      name: half ? 'probe-half' : 'probe',
      node: [...node, { opType: 'Slice', input: [last, 'from', 'to'], output: ['one'] }, cast],
      initializer: [...initializer, index('from', 0), index('to', 1)],
      input: [value('seed', 1)],
      output: [value('result', shape.length)],
    },
  });
}

/** Uniform in [-limit, limit), the same in every run (Park and Miller's generator). */
export function random(length: number, limit: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (state * 48271) % 2147483647;
    return limit * ((2 * state) / 2147483647 - 1);
  });
}
