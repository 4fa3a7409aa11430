import {
  deriveInstance,
  parsePart10,
  type DeriveInput,
  type ParsedInstance,
  type Provenance,
} from '../../src/dicom';
import { textOf } from '../conformance/silent-rules';
import { part10, tinyCt, type Dataset, type TinyCt } from '../conformance/part10';

export const provenance: Provenance = {
  model: { name: 'test-model', version: '1.0.0', sha256: 'ab'.repeat(32) },
  strength: 0.5,
  provider: 'wasm',
  precision: 'fp32',
  codeVersion: '0.1.0',
};

export const SIZE = 40 * 48;
export const createdAt = new Date('2026-07-01T23:30:00Z');

/** A derived instance of the tiny CT, 40 HU throughout, read again. */
export async function derive(ct: TinyCt = {}, changes: Partial<DeriveInput> = {}): Promise<ParsedInstance> {
  const source = part10(tinyCt(ct));
  const hu = new Float32Array(SIZE).fill(40);
  const { part10: file } = await deriveInstance({ source, hu, provenance, createdAt, ...changes });
  return parsePart10(file);
}

export const value = ({ dataset }: ParsedInstance, tag: number) => textOf(dataset, tag);
export const wordsOf = ({ dataset }: ParsedInstance, tag: number): number[] => {
  const element = dataset.get(tag);
  if (!element || !('value' in element)) return [];
  const { buffer, byteOffset, byteLength } = element.value.slice();
  return [
    ...(element.vr === 'SS'
      ? new Int16Array(buffer, byteOffset, byteLength / 2)
      : new Uint16Array(buffer, byteOffset, byteLength / 2)),
  ];
};
export const item = (entries: [number, Parameters<Dataset['set']>[1]][]): Dataset => new Map(entries);
