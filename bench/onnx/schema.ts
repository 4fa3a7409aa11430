import protobuf from 'protobufjs';

/*
 * The part of onnx.proto that the benches write and that the shipped models use (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). A field
 * that is missing here would be lost when a model is read and written again, so `readModel` compares the sizes.
 */
const PROTO = `
  syntax = "proto2";
  message Attribute { optional string name = 1; optional float f = 2; optional int64 i = 3; optional bytes s = 4; optional Tensor t = 5;
    repeated float floats = 7; repeated int64 ints = 8; optional string doc_string = 13; optional int32 type = 20; }
  message Node { repeated string input = 1; repeated string output = 2; optional string name = 3; optional string op_type = 4;
    repeated Attribute attribute = 5; optional string doc_string = 6; optional string domain = 7; repeated StringPair metadata_props = 9; }
  message StringPair { optional string key = 1; optional string value = 2; }
  message Tensor { repeated int64 dims = 1; optional int32 data_type = 2; repeated float float_data = 4 [packed = true];
    repeated int32 int32_data = 5 [packed = true]; repeated int64 int64_data = 7 [packed = true]; optional string name = 8;
    optional bytes raw_data = 9; optional string doc_string = 12; repeated StringPair external_data = 13; optional int32 data_location = 14; }
  message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } }
  message Shape { repeated Dimension dim = 1; }
  message TensorType { optional int32 elem_type = 1; optional Shape shape = 2; }
  message Type { optional TensorType tensor_type = 1; }
  message ValueInfo { optional string name = 1; optional Type type = 2; optional string doc_string = 3; }
  message Graph { repeated Node node = 1; optional string name = 2; repeated Tensor initializer = 5; optional string doc_string = 10;
    repeated ValueInfo input = 11; repeated ValueInfo output = 12; repeated ValueInfo value_info = 13; }
  message Opset { optional string domain = 1; optional int64 version = 2; }
  message Model { optional int64 ir_version = 1; optional string producer_name = 2; optional string producer_version = 3; optional string domain = 4;
    optional int64 model_version = 5; optional string doc_string = 6; optional Graph graph = 7; repeated Opset opset_import = 8;
    repeated StringPair metadata_props = 14; }
`;

/** TensorProto.DataType. */
export const FLOAT = 1;
export const INT64 = 7;
export const FLOAT16 = 10;

export interface Attribute {
  name: string;
  type: number;
  i?: number;
  f?: number;
  s?: Uint8Array;
  ints?: number[];
  t?: TensorProto;
}

export interface Node {
  opType: string;
  name?: string;
  input: string[];
  output: string[];
  attribute?: Attribute[];
}

export interface TensorProto {
  name?: string;
  dims: number[];
  dataType: number;
  rawData?: Uint8Array;
  floatData?: number[];
}

export interface ValueInfo {
  name: string;
  type: { tensorType: { elemType: number; shape?: { dim: { dimValue?: number; dimParam?: string }[] } } };
}

export interface Model {
  irVersion: number;
  producerName?: string;
  opsetImport: { domain: string; version: number }[];
  graph: {
    name: string;
    node: Node[];
    initializer: TensorProto[];
    input: ValueInfo[];
    output: ValueInfo[];
    valueInfo?: ValueInfo[];
  };
}

const model = protobuf.parse(PROTO).root.lookupType('Model');

/** @throws Error when the file holds fields that would be lost */
export function readModel(bytes: Uint8Array): Model {
  const read = model.toObject(model.decode(bytes), { longs: Number, arrays: true }) as Model;
  const size = writeModel(read).length;
  if (size !== bytes.length)
    throw new Error(`fields of this ONNX file would be lost: ${bytes.length} bytes in, ${size} out`);
  return read;
}

export function writeModel(value: Model): Uint8Array {
  return model.encode(model.fromObject(value)).finish();
}
