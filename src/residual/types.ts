export type Tissue = 'air' | 'lung' | 'fat' | 'soft' | 'bone';

export interface TissueChange {
  /** Pixels in the midst of this tissue; see `sliceStatistics`. */
  readonly pixels: number;
  /** Mean of denoised minus source, HU; NaN when `pixels` is 0. */
  readonly meanChangeHu: number;
  /** SD of denoised minus source, HU: what was taken out; NaN when `pixels` is 0. */
  readonly sdRemovedHu: number;
}

export interface StructureFinding {
  /** Local correlation of the residual with the image's edges; see `structureInResidual`. */
  readonly score: number;
  readonly flagged: boolean;
}

/** What was removed from one slice. */
export interface SliceStatistics {
  readonly pixels: number;
  readonly meanChangeHu: number;
  readonly sdRemovedHu: number;
  readonly maxAbsChangeHu: number;
  readonly tissue: Readonly<Record<Tissue, TissueChange>>;
  readonly structure: StructureFinding;
}

/** A region of one slice, in pixels of row-major images; pixels whose centre lies inside count. */
export type Region =
  | {
      readonly kind: 'rectangle';
      readonly left: number;
      readonly top: number;
      readonly right: number;
      readonly bottom: number;
    }
  | {
      readonly kind: 'ellipse';
      readonly centreColumn: number;
      readonly centreRow: number;
      readonly radiusColumns: number;
      readonly radiusRows: number;
    };

export interface RegionStatistics {
  readonly pixels: number;
  readonly meanHu: number;
  readonly sdHu: number;
}
