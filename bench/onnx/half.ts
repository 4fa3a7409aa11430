import { FLOAT, FLOAT16, type Model, type TensorProto } from './schema';

const INT_ATTRIBUTE = 2;

/**
 * The model with its network in float16, as WebGPU with `shader-f16` computes it; input, output, scaling and what follows the network's last layer stay
 * float32, since float16 holds 2048 HU and more only to 2 HU. The network begins at the first convolution with stored weights and ends at the
 * Cast to float32 that the export leaves behind its last layer.
 * @throws Error for a graph without the two
 */
export function toHalf(model: Model): Model {
  const { graph } = model;
  const weights = new Map(graph.initializer.map(tensor => [tensor.name, tensor]));
  const first = graph.node.find(({ opType, input }) => opType === 'Conv' && weights.has(input[1]!));
  if (!first) throw new Error('no convolution with stored weights');
  const start = first.input[0]!;
  const halved = `${start}/half`;
  const half = new Set([halved]);
  const used = new Set<string>();
  let ended = false;
  const node = graph.node.flatMap(one => {
    if (one === first) {
      const cast = {
        name: halved,
        opType: 'Cast',
        input: [start],
        output: [halved],
        attribute: [castTo(FLOAT16)],
      };
      return [cast, inHalf({ ...one, input: [halved, ...one.input.slice(1)] })];
    }
    if (!one.input.some(name => half.has(name))) return [one];
    if (one.opType !== 'Cast') return [inHalf(one)];
    ended = true;
    return [one];
  });
  if (!ended) throw new Error('no Cast to float32 behind the network');
  const initializer = graph.initializer.map(tensor => (used.has(tensor.name!) ? halfTensor(tensor) : tensor));
  return { ...model, graph: { ...graph, node, initializer, valueInfo: [] } };

  function inHalf<N extends Model['graph']['node'][number]>(one: N): N {
    for (const name of one.input) if (weights.get(name)?.dataType === FLOAT) used.add(name);
    for (const name of one.output) half.add(name);
    return one;
  }
}

const castTo = (type: number) => ({ name: 'to', type: INT_ATTRIBUTE, i: type });

function halfTensor(tensor: TensorProto): TensorProto {
  const { rawData } = tensor;
  if (!rawData) throw new Error(`the weights ${tensor.name} are not in the file`);
  const floats = new Float32Array(Uint8Array.from(rawData).buffer);
  return { ...tensor, dataType: FLOAT16, rawData: new Uint8Array(halves(floats).buffer) };
}

/** IEEE 754 binary16, round to nearest even; what is too large becomes infinity. */
export function halves(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, word => {
    const sign = (word >>> 16) & 0x8000;
    const exponent = ((word >>> 23) & 0xff) - 112;
    const fraction = word & 0x7fffff;
    if (exponent >= 31) return sign | 0x7c00 | (exponent === 143 && fraction ? 0x200 : 0);
    if (exponent < -10) return sign;
    // Below the smallest normal number the hidden bit moves into the fraction.
    const shift = exponent > 0 ? 13 : 14 - exponent;
    const whole = exponent > 0 ? (exponent << 23) | fraction : fraction | 0x800000;
    const kept = whole >>> shift;
    const rest = whole & ((1 << shift) - 1);
    const middle = 1 << (shift - 1);
    return sign | (kept + (rest > middle || (rest === middle && kept & 1) ? 1 : 0));
  });
}
