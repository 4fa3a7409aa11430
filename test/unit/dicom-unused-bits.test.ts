import { sliceFromHu, sliceFromStored, type StoredPixels } from '../../src/ct';
import {
  decodeFrame,
  derivedUidsOf,
  sourceIdentityOf,
  deriveInstance,
  naturalize,
  parsePart10,
  type DeriveSource,
} from '../../src/dicom';
import { part10, tinyCt, us, type TinyCt } from '../conformance/part10';
import { createdAt, derive, provenance, SIZE } from './dicom-fixtures';

/* Bits above Bits Stored: overlays (retired) or rubbish. Viewers hand on the words without them, files hold them; neither may tell. */

interface Case {
  readonly name: string;
  readonly clean: TinyCt;
  /** The word with other bits above Bits Stored. */
  readonly dirty: (word: number, i: number) => number;
  /** What Python's uuid5 makes of the documented name and the clean words. */
  readonly uid: string;
}

const unsigned = Uint16Array.from({ length: SIZE }, (_, i) => (i * 7) % 2000);
const signed = Int16Array.from({ length: SIZE }, (_, i) => ((i * 13) % 4000) - 2000);
const UNSIGNED_UID = '2.25.271518977506823908903858894206864721215';
const SIGNED_UID = '2.25.156045845269203072656805769775944807079';

const CASES: readonly Case[] = [
  {
    name: 'an overlay plane in bit 12',
    clean: { stored: unsigned },
    dirty: (word, i) => word | ((i % 3 === 0 ? 1 : 0) << 12),
    uid: UNSIGNED_UID,
  },
  {
    name: 'rubbish in all four bits',
    clean: { stored: unsigned },
    dirty: (word, i) => word | ((i % 16) << 12),
    uid: UNSIGNED_UID,
  },
  {
    name: 'signed words without sign extension',
    clean: { stored: signed, signed: true },
    dirty: word => word & 0x0fff,
    uid: SIGNED_UID,
  },
  {
    name: 'signed words with an overlay plane in bit 15',
    clean: { stored: signed, signed: true },
    dirty: (word, i) => word ^ ((i % 2) << 15),
    uid: SIGNED_UID,
  },
  {
    name: 'an overlay over padding',
    clean: { stored: unsigned, changes: { 0x00280120: us(0) } },
    dirty: (word, i) => word | ((i % 5 === 0 ? 1 : 0) << 12),
    uid: UNSIGNED_UID,
  },
];

/** The same words in an array as a decoder gives it. */
function wordsOf(
  { stored, signed: isSigned = false }: TinyCt,
  dirty: Case['dirty'],
): Int16Array | Uint16Array {
  return isSigned ? Int16Array.from(stored!, dirty) : Uint16Array.from(stored!, dirty);
}

/** Every way a source comes to src/dicom: the command's, and the viewer's with and without the file at hand. */
async function sources(ct: TinyCt, dirty: Case['dirty']): Promise<[string, DeriveSource][]> {
  const file = part10(tinyCt({ ...ct, stored: wordsOf(ct, dirty) }));
  const parsed = parsePart10(file);
  const { stored: whole } = await decodeFrame(parsed);
  const instance = naturalize(parsed);
  const masked = ct.stored as StoredPixels;
  return [
    ['Part 10 bytes', file],
    ['a parsed file', { parsed }],
    ['a parsed file and its decoded words', { parsed, stored: whole }],
    ['a parsed file and the words of a viewer that masks', { parsed, stored: masked }],
    ['a dataset and words', { instance, stored: whole }],
    ['a dataset and the words of a viewer that masks', { instance, stored: masked }],
  ];
}

describe.each(CASES)('$name', ({ clean, dirty, uid }) => {
  test('every path gives the UIDs of the words without them', async () => {
    for (const [name, source] of await sources(clean, dirty)) {
      const { sopInstanceUid } = derivedUidsOf(await sourceIdentityOf(source), provenance);
      expect([name, sopInstanceUid]).toEqual([name, uid]);
    }
  });

  test('every path gives the HU and the derived file of the words without them', async () => {
    const file = part10(tinyCt(clean));
    const expected = sliceFromStored(clean.stored!, naturalize(parsePart10(file)));
    const without = await deriveInstance({ source: file, hu: expected.hu, provenance, createdAt });
    for (const [name, source] of await sources(clean, dirty)) {
      const derived = await deriveInstance({ source, hu: expected.hu, provenance, createdAt });
      const { stored } = await decodeFrame(parsePart10(derived.part10));
      expect([name, stored]).toEqual([name, clean.stored]);
      // A naturalised dataset writes some values in another form than the file has.
      if (!('instance' in source)) expect(Buffer.compare(derived.part10, without.part10)).toBe(0);
    }
  });

  test('the HU and the padding of a file’s words, and of a viewer’s HU, are those of the words without them', () => {
    const instance = naturalize(parsePart10(part10(tinyCt(clean))));
    const expected = sliceFromStored(clean.stored!, instance);
    const words = wordsOf(clean, dirty);
    expect(sliceFromStored(words, instance)).toEqual(expected);
    expect(
      sliceFromHu(
        Float32Array.from(words, word => word - 1024),
        instance,
      ),
    ).toEqual(expected);
  });
});

test('a source without such bits keeps the UIDs it has always had', async () => {
  const uids = await Promise.all(
    CASES.map(async ({ clean }) => derivedUidsOf(await sourceIdentityOf(part10(tinyCt(clean))), provenance)),
  );
  expect(uids.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(CASES.map(({ uid }) => uid));
});

describe('the overlays that were in the words', () => {
  const overlay = (changes: NonNullable<TinyCt['changes']>) => derive({ changes });
  const group = {
    0x60000010: us(40),
    0x60000011: us(48),
    0x60000040: { vr: 'CS', value: Buffer.from('G ') },
    0x60000050: us(1, 1),
    0x60000100: us(16),
    0x60000102: us(12),
  };

  test.each([
    ['without Overlay Data', group],
    ['with an empty Overlay Data', { ...group, 0x60003000: { vr: 'OW', value: Buffer.alloc(0) } }],
  ])('leave no attribute that points at them: %s', async (_, changes) => {
    const { dataset } = await overlay(changes);
    expect([...dataset.keys()].filter(tag => tag >>> 24 === 0x60)).toEqual([]);
  });

  test('Overlay Data of its own stays, and says that it is its own', async () => {
    const data = { vr: 'OW', value: Buffer.alloc(240, 0x5a) };
    const { dataset } = await overlay({ ...group, 0x60003000: data });
    const word = (tag: number) => {
      const element = dataset.get(tag);
      return element && 'value' in element ? Buffer.from(element.value).readUInt16LE() : undefined;
    };
    expect([word(0x60000010), word(0x60000100), word(0x60000102)]).toEqual([40, 1, 0]);
    expect(dataset.get(0x60003000)).toEqual({ vr: 'OW', value: new Uint8Array(data.value) });
  });
});
