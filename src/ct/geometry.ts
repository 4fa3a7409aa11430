import type { NaturalizedInstance } from './types';

/**
 * Sorted along the slice normal (cross product of the row and column cosines of Image Orientation (Patient), PS3.3 C.7.6.2.1.1),
 * lowest position first; ties by Instance Number, then SOP Instance UID. Does not change `items`.
 */
export declare function sortAlongNormal<T>(
  items: readonly T[],
  instanceOf: (item: T) => NaturalizedInstance,
): T[];
