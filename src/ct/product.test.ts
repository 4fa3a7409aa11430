import { ctInstance } from './fixtures';
import { sourceUidOf, storedSettings } from './product';

const settings = (attributes: Record<string, unknown>) => storedSettings(ctInstance(attributes));
const derivation = (model: string, strength: string) =>
  `Neural network noise reduction: model ${model}, SHA-256 ${'a'.repeat(64)}, strength ${strength} %, computed on wasm in fp32.`;

describe('what a stored series says of its making', () => {
  test.each([
    [
      'its derivation',
      { DerivationDescription: derivation('CT slab fast (five slices in, three out) 1.0.0', '70') },
      { strength: 0.7, model: 'CT slab fast 1.0.0' },
    ],
    [
      'the last of several derivations',
      { DerivationDescription: `model B31, strength 3 %; then: ${derivation('M 2', '62.5')}` },
      { strength: 0.625, model: 'M 2' },
    ],
    [
      'the description, where the derivation is gone',
      { SeriesDescription: 'Chest ISCL DENOISED 45 %' },
      { strength: 0.45, model: null },
    ],
    [
      'the description as it is written now',
      { SeriesDescription: 'ISCL DENOISED 99.5 % CT fast 0.4.0: Chest' },
      { strength: 0.995, model: 'CT fast 0.4.0' },
    ],
    ['nothing', { SeriesDescription: 'Chest 45 %' }, { strength: null, model: null }],
  ])('from %s', (_, attributes, expected) => {
    expect(settings(attributes)).toEqual(expected);
  });

  test('its original is the first source image: neighbours come behind it', () => {
    const images = ['1.2', '1.3'].map(uid => ({ ReferencedSOPInstanceUID: uid }));
    expect(sourceUidOf(ctInstance({ SourceImageSequence: images }))).toBe('1.2');
    expect(sourceUidOf(ctInstance({}))).toBeNull();
  });
});
