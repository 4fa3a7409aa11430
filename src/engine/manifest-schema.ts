/**
 * What the code relies on in models/manifest.json; the rest of a card is for people. A manifest may come from anywhere, so sizes that no network
 * for CT reaches are refused before anything is read.
 */
import * as v from 'valibot';
import { SAMPLE_BLOCK } from './golden-full';

const LARGEST_MODEL = 512 * 2 ** 20;
const LARGEST_GOLDEN = 2048;
const MOST_SLICES = 63;

/** The message of an object covers its missing keys too. */
const wrongObject = ({ expected }: v.BaseIssue<unknown>) =>
  expected === 'Object' ? 'is not an object' : 'is missing';
const text = v.pipe(v.string('is not a text'), v.nonEmpty('is not a text'));
const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) > 0;
const isRange = (value: unknown): value is readonly [number, number] =>
  Array.isArray(value) && value.length === 2 && value.every(Number.isFinite) && value[0] <= value[1];
const countUpTo = (most: number, message: string) =>
  v.custom<number>(value => isCount(value) && value <= most, message);
const range = v.custom<readonly [number, number]>(isRange, 'is not a range');
const texts = v.array(v.string('is not a text'), 'is not a list of texts');
/** Of a file in the manifest's own folder: no path, no address. */
const plainName = v.pipe(
  v.string('names no file'),
  v.regex(/^[^./\\:?#%][^/\\:?#%]{0,200}$/, 'is not the name of a file beside the manifest'),
);

const fileEntries = {
  file: plainName,
  sha256: v.pipe(v.string('is not 64 hex digits'), v.regex(/^[0-9a-f]{64}$/, 'is not 64 hex digits')),
  bytes: countUpTo(LARGEST_MODEL, `is not a count up to ${LARGEST_MODEL}`),
};
const variant = v.looseObject(
  { ...fileEntries, precision: text, provider: v.exactOptional(text) },
  wrongObject,
);

const hasSize = ({ rows, columns }: Record<string, unknown>) =>
  [rows, columns].every(side => isCount(side) && side <= LARGEST_GOLDEN);
const NO_SIZE = `has no size up to ${LARGEST_GOLDEN} x ${LARGEST_GOLDEN}`;

const fullPair = v.pipe(
  v.looseObject({}, wrongObject),
  v.check(hasSize, NO_SIZE),
  v.looseObject(
    {
      rows: v.pipe(v.number(), v.minValue(SAMPLE_BLOCK, `is less than ${SAMPLE_BLOCK}`)),
      columns: v.pipe(v.number(), v.minValue(SAMPLE_BLOCK, `is less than ${SAMPLE_BLOCK}`)),
      seed: countUpTo(2 ** 32 - 1, 'is not a count of 32 bits'),
      samples: plainName,
    },
    wrongObject,
  ),
);

const isOddSlab = ({ inputs, outputs }: Record<string, unknown>) =>
  isCount(inputs) &&
  isCount(outputs) &&
  inputs <= MOST_SLICES &&
  inputs % 2 === 1 &&
  outputs % 2 === 1 &&
  outputs <= inputs;

const slab = v.pipe(
  v.looseObject({}, wrongObject),
  v.check(
    isOddSlab,
    ({ input }) =>
      `has ${String(input['inputs'])} slices in and ${String(input['outputs'])} out; both must be odd, at most ${MOST_SLICES}, and no more out than in`,
  ),
  v.looseObject(
    {
      inputs: v.number(),
      outputs: v.number(),
      spacingMm: v.custom<readonly [number, number]>(
        value => isRange(value) && value[0] > 0,
        'is not a range of distances',
      ),
      beyondSpacing: v.picklist(['refuse', 'warn', 'repeat'], 'is not refuse, warn or repeat'),
    },
    wrongObject,
  ),
);

const model = v.pipe(
  v.looseObject(
    {
      id: text,
      version: text,
      name: text,
      precision: text,
      ...fileEntries,
      variants: v.exactOptional(v.array(variant, 'is not a list')),
      gflop512: v.exactOptional(v.number('is not a number')),
      input: v.looseObject(
        {
          name: text,
          rangeHU: range,
          multiple: countUpTo(Infinity, 'is not a count'),
        },
        wrongObject,
      ),
      output: v.looseObject({ name: text }, wrongObject),
      slab: v.exactOptional(slab),
      golden: v.pipe(
        v.looseObject({}, wrongObject),
        v.check(hasSize, NO_SIZE),
        v.looseObject(
          {
            rows: v.number(),
            columns: v.number(),
            input: plainName,
            output: plainName,
            toleranceHU: v.pipe(v.number('is not positive'), v.gtValue(0, 'is not positive')),
            full: v.exactOptional(fullPair),
          },
          wrongObject,
        ),
      ),
      domain: v.looseObject(
        {
          kernels: texts,
          bodyParts: texts,
          sliceThicknessMm: range,
          doseFraction: range,
          ageYears: range,
          kVp: range,
        },
        wrongObject,
      ),
    },
    wrongObject,
  ),
  v.check(
    ({ input: { multiple }, golden: { full } }) =>
      !full || (full.rows % multiple === 0 && full.columns % multiple === 0),
    'golden.full is not of a size that input.multiple allows',
  ),
);

export const MANIFEST = v.pipe(
  v.looseObject(
    {
      schema: v.literal(1, ({ received }) => `${received} is not 1`),
      default: text,
      models: v.pipe(v.array(model, 'is not a list'), v.nonEmpty('is empty')),
    },
    wrongObject,
  ),
  v.check(
    ({ models, default: id }) => models.some(each => each.id === id),
    ({ input }) => `default "${input.default}" is not a model`,
  ),
);
