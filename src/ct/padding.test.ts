import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ctInstance } from './fixtures';
import { sliceFromHu, sliceFromStored, sliceToStored } from './index';

type Place = { rect?: number[]; disc?: number[]; outside?: number[] };
interface Case {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly format: Readonly<Record<string, number>>;
  readonly paint: readonly (Place & { value: number; texture: number })[];
  readonly padding: readonly Place[];
  readonly kept?: boolean;
}

const { cases } = JSON.parse(readFileSync(join(__dirname, '../../test/fixtures/padding.json'), 'utf8')) as {
  cases: readonly Case[];
};

function covers({ rect, disc, outside }: Place, y: number, x: number): boolean {
  if (rect) return y >= rect[0]! && x >= rect[1]! && y < rect[2]! && x < rect[3]!;
  const [row, column, radius] = (disc ?? outside)!;
  const within = (y - row!) ** 2 + (x - column!) ** 2 <= radius! ** 2;
  return disc ? within : !within;
}

function made({ rows, columns, format, paint, padding }: Case) {
  const signed = format['PixelRepresentation'] === 1;
  const stored = new (signed ? Int16Array : Uint16Array)(rows * columns);
  const expected = new Uint8Array(rows * columns);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      for (const { value, texture, ...place } of paint) {
        const noise = ((31 * y + 17 * x + ((x * y) % 13)) % (2 * texture + 1)) - texture;
        if (covers(place, y, x))
          stored[y * columns + x] = signed ? value + noise : Math.max(0, value + noise);
      }
      if (padding.some(place => covers(place, y, x))) expected[y * columns + x] = 1;
    }
  }
  const instance = ctInstance({
    ...format,
    Rows: rows,
    Columns: columns,
    HighBit: format['BitsStored']! - 1,
  });
  return { stored, expected: expected.includes(1) ? expected : null, instance };
}

const hex = (values: { buffer: ArrayBufferLike } | null) =>
  values && Buffer.from(values.buffer).toString('hex');

describe('what is padding', () => {
  test.each(cases.map(each => [each.name, each] as const))('%s', (_name, each) => {
    const { stored, expected, instance } = made(each);
    const slice = sliceFromStored(stored, instance);
    expect(hex(slice.padding)).toBe(hex(expected));
    if (each.kept !== undefined) expect(slice.modality.padding !== null).toBe(each.kept);
    const scaled = sliceFromHu(slice.hu, instance);
    expect([hex(scaled.padding), scaled.modality]).toEqual([hex(slice.padding), slice.modality]);
    // Whatever a network makes of it, padding comes out as it went in; and at strength 0 every pixel does.
    const out = sliceToStored(new Float32Array(stored.length).fill(41), slice);
    expect(hex(out.filter((_, i) => expected?.[i]))).toBe(hex(stored.filter((_, i) => expected?.[i])));
    expect(hex(sliceToStored(slice.hu, slice))).toBe(hex(slice.stored));
  });
});
