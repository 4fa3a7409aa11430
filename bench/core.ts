import {
  huToStored,
  judgeSeries,
  modalityOf,
  sliceFromStored,
  sliceToStored,
  type NaturalizedInstance,
} from '../src/ct';
import { ctInstance } from '../src/ct/fixtures';
import { blend } from '../src/denoise';
import { sliceStatistics } from '../src/residual';
import { measure, type Row } from './measure';

const SIZE = 512;

/** Our code beside the obvious way to write it, on one 512 x 512 slice of pseudo-random words with 10 % padding. */
export async function coreRows(): Promise<Row[]> {
  const instance = ctInstance({
    BitsStored: 16,
    HighBit: 15,
    PixelRepresentation: 1,
    PixelPaddingValue: -2000,
  });
  let state = 1;
  const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
  const stored = Int16Array.from({ length: SIZE * SIZE }, () =>
    random() < 0.1 ? -2000 : Math.round(random() * 3000),
  );
  const slice = sliceFromStored(stored, instance);
  const modality = modalityOf(instance);
  const denoised = Int16Array.from(slice.hu, hu => Math.round(hu + 40 * (random() - 0.5)));
  const out = new Float32Array(SIZE * SIZE);
  const per = 'slice 512x512';
  const series = Array.from({ length: 1000 }, (_, i) => ctInstance({}, i + 1)) as NaturalizedInstance[];

  return [
    await measure('stored to HU, with padding mask: sliceFromStored', { per }, () =>
      sliceFromStored(stored, instance),
    ),
    await measure('stored to HU, naive: Float32Array.from(words, map), no padding', { per }, () =>
      Float32Array.from(stored, word => word * 1 - 1024),
    ),
    await measure('HU to stored, padding kept: sliceToStored', { per }, () => sliceToStored(slice.hu, slice)),
    await measure('HU to stored, naive: Int16Array.from(hu, huToStored), padding lost', { per }, () =>
      Int16Array.from(slice.hu, hu => huToStored(hu, modality)),
    ),
    await measure('strength 70 %: blend into an array kept', { per }, () => blend(slice, denoised, 0.7, out)),
    await measure(
      'strength 70 %, naive: map, map, Int16Array.from; off by rounding, padding lost',
      { per },
      () => Int16Array.from(slice.hu.map((hu, i) => hu + 0.7 * (denoised[i]! - hu)).map(Math.round)),
    ),
    await measure('statistics of what was removed: sliceStatistics', { per }, () =>
      sliceStatistics(slice, denoised),
    ),
    await measure('verdict: judgeSeries', { per: '1000 instances' }, () => judgeSeries(series, null)),
  ];
}
