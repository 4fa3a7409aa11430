import type { PixelFormat } from '../../ct';
import { wordOf, type RawDataset } from '../part10/elements';
import { numericTextOf } from '../part10/numeric-strings';
import { TAG } from '../part10/tags';

const WORDS = [
  'Rows',
  'Columns',
  'BitsAllocated',
  'BitsStored',
  'HighBit',
  'PixelRepresentation',
  'PixelPaddingValue',
  'PixelPaddingRangeLimit',
] as const;
const TEXTS = ['RescaleIntercept', 'RescaleSlope'] as const;

/** What src/ct has to know to understand the pixels, without naturalising the whole header. @throws DenoiseError `unreadable-dicom` */
export function pixelFormatOf(dataset: RawDataset): PixelFormat {
  const words = WORDS.map(keyword => [keyword, wordOf(dataset, TAG[keyword])]);
  const texts = TEXTS.map(keyword => [keyword, numericTextOf(dataset, TAG[keyword])]);
  return Object.fromEntries([...words, ...texts]);
}
