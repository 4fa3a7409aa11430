/**
 * What a model file asks the runtime to do, read before the runtime reads it: a model may come from anywhere. The format is ONNX's protobuf
 * (onnx.proto3 of github.com/onnx/onnx; field numbers below are from there), of which a few fields are needed.
 */

/** Arithmetic on tensors, as networks for images are made of. No loop, no branch, no operator of a maker's own, nothing that reads or writes. */
const ALLOWED = new Set(
  (
    'Abs Add AveragePool BatchNormalization Cast Ceil Clip Concat Constant ConstantOfShape Conv ConvTranspose DepthToSpace Div Elu Equal Erf ' +
    'Exp Expand Flatten Floor Gather GatherND Gelu Gemm GlobalAveragePool Greater GroupNormalization HardSigmoid HardSwish Identity ' +
    'InstanceNormalization LayerNormalization LeakyRelu Less Log MatMul Max MaxPool Min Mod Mul Neg PRelu Pad Pow Reciprocal ReduceMax ReduceMean ' +
    'ReduceMin ReduceSum Relu Reshape Resize Round ScatterND Selu Shape Sigmoid Sign Slice Softmax Softplus SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh Tile ' +
    'Transpose Unsqueeze Where'
  ).split(' '),
);

/** Bytes that a graph may read from another file. */
export interface Beside {
  readonly file: string;
  readonly bytes: number;
}

/**
 * What speaks against running a model file, or null.
 * @param beside the one file its weights may lie in; null: all is in the model file itself
 */
export function wrongInGraph(model: Uint8Array, beside: Beside | null): string | null {
  try {
    for (const part of parts(model, MODEL)) {
      const wrong = part.kind === 'node' ? wrongInNode(part.fields) : wrongInTensor(part.fields, beside);
      if (wrong) return wrong;
    }
    return null;
  } catch (error) {
    return `it is no ONNX file (${(error as Error).message})`;
  }
}

function wrongInNode(fields: readonly Field[]): string | null {
  const operator = textOf(fields, 4);
  const domain = textOf(fields, 7);
  if (domain !== '' && domain !== 'ai.onnx') return `it uses "${operator}" of "${domain}"`;
  return ALLOWED.has(operator) ? null : `it uses "${operator}", which no network here needs`;
}

function wrongInTensor(fields: readonly Field[], beside: Beside | null): string | null {
  const external = fields.filter(({ number }) => number === 13).map(({ bytes }) => [...read(bytes)]);
  const isExternal = external.length > 0 || fields.some(({ number, value }) => number === 14 && value !== 0);
  if (!isExternal) return null;
  const entries = new Map(external.map(entry => [textOf(entry, 1), textOf(entry, 2)]));
  const [location, offset, length] = ['location', 'offset', 'length'].map(key => entries.get(key) ?? '');
  if (!beside || location !== beside.file)
    return `its weights lie in "${location}", which nothing vouches for`;
  const [from, size] = [Number(offset || 0), Number(length)];
  const inside = Number.isSafeInteger(from) && Number.isSafeInteger(size) && from >= 0 && size > 0;
  return inside && from + size <= beside.bytes ? null : `its weights lie outside "${location}"`;
}

interface Field {
  readonly number: number;
  /** Of a length-delimited field; empty for others. */
  readonly bytes: Uint8Array;
  /** Of a varint; 0 for others. */
  readonly value: number;
}

type Kind = 'model' | 'graph' | 'function' | 'node' | 'attribute' | 'tensor' | 'sparse';
/** By message, the fields that hold further messages. */
const INNER: Readonly<Record<Kind, Readonly<Record<number, Kind>>>> = {
  model: { 7: 'graph', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  function: { 7: 'node' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
  tensor: {},
};
const MODEL: Kind = 'model';
/** Graphs within graphs; those here have none. */
const DEEPEST = 32;

/** All nodes and tensors of a message. */
function* parts(
  bytes: Uint8Array,
  kind: Kind,
  depth = 0,
): Generator<{ readonly kind: 'node' | 'tensor'; readonly fields: readonly Field[] }> {
  if (depth > DEEPEST) throw new RangeError('nested too deeply');
  const fields = [...read(bytes)];
  if (kind === MODEL && !fields.some(({ number }) => number === 7)) throw new RangeError('no graph');
  if (kind === 'node' || kind === 'tensor') yield { kind, fields };
  for (const { number, bytes: content } of fields) {
    const inner = INNER[kind][number];
    if (inner) yield* parts(content, inner, depth + 1);
  }
}

const NONE = new Uint8Array(0);

/** The fields of one message (protobuf encoding: a varint of number and wire type, then the value). */
function* read(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError('cut off');
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a number without end');
  };
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw new RangeError('cut off');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = varint();
    const [number, wire] = [Math.floor(key / 8), key % 8];
    if (wire === 0) yield { number, bytes: NONE, value: varint() };
    else if (wire === 1) yield { number, bytes: (take(8), NONE), value: 0 };
    else if (wire === 2) yield { number, bytes: take(varint()), value: 0 };
    else if (wire === 5) yield { number, bytes: (take(4), NONE), value: 0 };
    else throw new RangeError(`wire type ${wire}`);
  }
}

const decoder = new TextDecoder();
/** The last field of that number counts, as protobuf says. */
const textOf = (fields: readonly Field[], number: number): string => {
  const field = fields.findLast(each => each.number === number);
  return field ? decoder.decode(field.bytes) : '';
};
