import { DenoiseError } from '../../notices';
import { asciiOf } from '../part10/elements';
import { parsePart10 } from '../part10/reader';
import { TAG } from '../part10/tags';

/** Series Date (DA) and Series Time (TM), as they stand in a file. They are the series', so every instance of it must say the same. */
export interface SeriesMoment {
  readonly date: string;
  readonly time: string;
}

/** Those of a derived instance that an earlier run made; null when the bytes cannot be read or name none. */
export function seriesMomentOf(part10: Uint8Array): SeriesMoment | null {
  try {
    const { dataset } = parsePart10(part10);
    const [date, time] = [asciiOf(dataset, TAG.SeriesDate), asciiOf(dataset, TAG.SeriesTime)];
    return /^\d{8}$/.test(date) && /^\d{6}(\.\d{1,6})?$/.test(time) ? { date, time } : null;
  } catch (error) {
    if (error instanceof DenoiseError) return null;
    throw error;
  }
}
