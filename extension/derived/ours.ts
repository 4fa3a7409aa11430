import { PRODUCT } from '../../src/ct';
import type { OhifInstance } from '../ohif';

/** Made by us: live, or read back from the archive. */
export function isOurs(instance: OhifInstance | undefined): boolean {
  return (
    instance?.['ManufacturerModelName'] === PRODUCT.modelName ||
    String(instance?.['SeriesDescription'] ?? '').includes(PRODUCT.seriesTag)
  );
}
