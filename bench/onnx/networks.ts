import { random } from './probes';
import { FLOAT, INT64, writeModel, type Attribute, type Node, type TensorProto } from './schema';

/*
 * Published denoisers with random weights: what they cost in the runtime that runs our models. HU in, HU out, [1, 1, rows, columns]; nothing they give means
 * anything. Batch normalisation that has running statistics is folded into its convolution, as an export would.
 */

export interface Network {
  readonly bytes: Uint8Array;
  /** For one slice of 512 x 512, convolutions alone. */
  readonly gflop512: number;
}

/** DnCNN (Zhang et al., IEEE TIP 2017): 17 layers of 3x3 with 64 channels, the noise subtracted. */
export function dncnn(layers = 17, channels = 64): Network {
  const net = new Builder();
  let x = net.relu(net.conv('hu', 1, channels, 3));
  for (let i = 0; i < layers - 2; i++) x = net.relu(net.conv(x, channels, channels, 3));
  return net.finish('Sub', ['hu', net.conv(x, channels, 1, 3)]);
}

/** RED-CNN (Chen et al., IEEE TMI 2017) at its published size, padded as training/src/iscl/nets/redcnn.py pads it. */
export function redcnn(channels = 96): Network {
  const net = new Builder();
  const shortcuts: string[] = [];
  let x = 'hu';
  for (let i = 0; i < 5; i++) {
    x = net.relu(net.conv(x, i === 0 ? 1 : channels, channels, 5));
    if (i === 1 || i === 3) shortcuts.push(x);
  }
  for (let i = 0; i < 4; i++) {
    x = net.transposed(x, channels, channels, 5, { stride: 1, pad: 2, more: 0 });
    if (i % 2 === 0) x = net.add(x, shortcuts.pop()!);
    x = net.relu(x);
  }
  return net.finish('Add', ['hu', net.transposed(x, channels, 1, 5, { stride: 1, pad: 2, more: 0 })]);
}

/**
 * The inference of the ISCL paper (Lee and Jeong, IEEE TMI 2021), (F(x) + x - H(x)) / 2, as training/src/iscl/nets/paper.py writes it. With one slice a
 * batch, batch-instance normalisation is instance normalisation; where the paper repeats the edge pixel in a reflection of three, this does not.
 */
export function paper(): Network {
  const net = new Builder();
  const act = (x: string, channels: number) => net.leaky(net.normalised(x, channels));
  let f = act(net.conv('hu', 1, 32, 7, { mode: 'reflect' }), 32);
  f = act(net.conv(f, 32, 64, 4, { mode: 'edge', stride: 2, pad: 1 }), 64);
  f = act(net.conv(f, 64, 128, 4, { mode: 'edge', stride: 2, pad: 1 }), 128);
  for (let i = 0; i < 3; i++) {
    const body = act(net.conv(f, 128, 128, 3, { mode: 'edge' }), 128);
    f = net.add(f, net.normalised(net.conv(body, 128, 128, 3, { mode: 'edge' }), 128));
  }
  f = act(net.transposed(f, 128, 64, 3, { stride: 2, pad: 1, more: 1 }), 64);
  f = act(net.transposed(f, 64, 32, 3, { stride: 2, pad: 1, more: 1 }), 32);
  f = net.op('Tanh', [net.conv(f, 32, 1, 7, { mode: 'reflect' })]);
  let h = net.leaky(net.conv('hu', 1, 32, 3));
  for (let i = 0; i < 18; i++) h = act(net.conv(h, 32, 32, 3), 32);
  const without = net.op('Sub', ['hu', net.conv(h, 32, 1, 3)]);
  return net.finish('Mul', [net.add(f, without), net.constant([], Float32Array.of(0.5))]);
}

interface Conv {
  readonly stride?: number;
  readonly pad?: number;
  /** How the image goes on beyond its edge; default zeros. */
  readonly mode?: 'edge' | 'reflect';
}

const ints = (name: string, values: number[]): Attribute => ({ name, type: 7, ints: values });

class Builder {
  private readonly nodes: Node[] = [];
  private readonly tensors: TensorProto[] = [];
  /** Rows of a value whose graph's input has 512. */
  private readonly rows = new Map([['hu', 512]]);
  private flop = 0;

  op(opType: string, input: string[], attribute: Attribute[] = [], rows = this.rows.get(input[0]!)!): string {
    const output = `x${this.nodes.length}`;
    this.nodes.push({ opType, input, output: [output], attribute });
    this.rows.set(output, rows);
    return output;
  }

  relu = (x: string) => this.op('Relu', [x]);
  leaky = (x: string) => this.op('LeakyRelu', [x], [{ name: 'alpha', type: 1, f: 0.2 }]);
  add = (a: string, b: string) => this.op('Add', [a, b]);

  normalised(x: string, channels: number): string {
    const one = this.constant([channels], new Float32Array(channels).fill(1));
    return this.op('InstanceNormalization', [x, one, this.constant([channels], new Float32Array(channels))]);
  }

  conv(x: string, inputs: number, outputs: number, kernel: number, options: Conv = {}): string {
    const { stride = 1, pad = kernel >> 1, mode } = options;
    const rows = this.rows.get(x)! / stride;
    let from = x;
    if (mode) {
      const pads = new BigInt64Array([0, 0, pad, pad, 0, 0, pad, pad].map(BigInt));
      const by = this.store({ dims: [8], dataType: INT64, rawData: new Uint8Array(pads.buffer) });
      from = this.op('Pad', [x, by], [{ name: 'mode', type: 3, s: new TextEncoder().encode(mode) }]);
    }
    this.flop += 2 * inputs * outputs * kernel ** 2 * rows ** 2;
    const weights = this.weights([outputs, inputs, kernel, kernel], inputs * kernel ** 2);
    const bias = this.constant([outputs], new Float32Array(outputs));
    const pads = Array.from({ length: 4 }, () => (mode ? 0 : pad));
    const attributes = [
      ints('kernel_shape', [kernel, kernel]),
      ints('strides', [stride, stride]),
      ints('pads', pads),
    ];
    return this.op('Conv', [from, weights, bias], attributes, rows);
  }

  transposed(
    x: string,
    inputs: number,
    outputs: number,
    kernel: number,
    { stride, pad, more }: { stride: number; pad: number; more: number },
  ): string {
    const rows = this.rows.get(x)!;
    this.flop += 2 * inputs * outputs * kernel ** 2 * rows ** 2;
    const weights = this.weights([inputs, outputs, kernel, kernel], inputs * kernel ** 2);
    const attributes = [
      ints('kernel_shape', [kernel, kernel]),
      ints('strides', [stride, stride]),
      ints('pads', [pad, pad, pad, pad]),
      ints('output_padding', [more, more]),
    ];
    const bias = this.constant([outputs], new Float32Array(outputs));
    return this.op('ConvTranspose', [x, weights, bias], attributes, rows * stride);
  }

  constant(dims: number[], values: Float32Array): string {
    return this.store({ dims, dataType: FLOAT, rawData: new Uint8Array(values.buffer) });
  }

  finish(opType: string, input: string[]): Network {
    this.nodes.push({ opType, input, output: ['denoised'] });
    const image = (name: string) => {
      const dim = [{ dimValue: 1 }, { dimValue: 1 }, { dimParam: 'rows' }, { dimParam: 'columns' }];
      return { name, type: { tensorType: { elemType: FLOAT, shape: { dim } } } };
    };
    const graph = {
      name: 'random-weights',
      node: this.nodes,
      initializer: this.tensors,
      input: [image('hu')],
      output: [image('denoised')],
    };
    const bytes = writeModel({ irVersion: 8, opsetImport: [{ domain: '', version: 17 }], graph });
    return { bytes, gflop512: this.flop / 1e9 };
  }

  private weights(dims: number[], fanIn: number): string {
    return this.constant(
      dims,
      random(
        dims.reduce((product, n) => product * n, 1),
        Math.sqrt(3 / fanIn),
      ),
    );
  }

  private store(tensor: TensorProto): string {
    const name = `w${this.tensors.length}`;
    this.tensors.push({ ...tensor, name });
    return name;
  }
}
