import type { SliceHu } from '../ct';
import type { StructureFinding } from './types';

export declare const STRUCTURE_THRESHOLD: number;

/** Did edges of the image leave with the noise? */
export declare function structureInResidual(
  source: SliceHu,
  denoised: Float32Array | Int16Array,
): StructureFinding;
