/** Why a series (or one of its instances) is not denoised, or not saved. */
export type Refusal = { readonly kind: 'refusal' } & (
  | { readonly code: 'empty-series' }
  | { readonly code: 'not-ct'; readonly modality: string }
  | { readonly code: 'wrong-sop-class'; readonly sopClassUid: string }
  | { readonly code: 'localizer' }
  | { readonly code: 'multi-frame'; readonly frames: number }
  | { readonly code: 'colour'; readonly photometricInterpretation: string }
  | {
      readonly code: 'not-hu';
      readonly reason: 'no-rescale' | 'rescale-type' | 'not-monochrome2' | 'range';
      readonly detail: string;
    }
  | { readonly code: 'already-denoised' }
  | { readonly code: 'mixed-geometry'; readonly attribute: string }
  | { readonly code: 'missing-attribute'; readonly keyword: string }
  | { readonly code: 'invalid-attribute'; readonly keyword: string; readonly value: string }
  | { readonly code: 'too-small'; readonly rows: number; readonly columns: number }
  | { readonly code: 'spacing-outside-model'; readonly spacingMm: number }
  | { readonly code: 'undecodable'; readonly transferSyntaxUid: string }
  | { readonly code: 'no-series' }
  | { readonly code: 'not-denoised' }
  | { readonly code: 'nothing-removed' }
  | { readonly code: 'incomplete'; readonly done: number; readonly total: number }
  | { readonly code: 'no-archive' }
  | { readonly code: 'no-folder-access' }
  | { readonly code: 'not-measured' }
  | { readonly code: 'measured-live' }
);

/** What lies outside the model card but is denoised all the same; written into the derivation. */
export type Warning = { readonly kind: 'warning' } & (
  | { readonly code: 'kernel-outside-domain'; readonly kernel: string }
  | { readonly code: 'thickness-outside-domain'; readonly sliceThicknessMm: number | null }
  | { readonly code: 'body-part-outside-domain'; readonly bodyPart: string }
  | { readonly code: 'age-outside-domain'; readonly ageYears: number }
  | { readonly code: 'kvp-outside-domain'; readonly kvp: number }
  | {
      readonly code: 'spacing-outside-domain';
      readonly spacingMm: number;
      /** What the model's card asks for. */
      readonly neighbours: 'used' | 'not used';
    }
  | { readonly code: 'slices-missing'; readonly gaps: number; readonly slices: number }
  /** Computed from several energies; in the file's own words. */
  | { readonly code: 'spectral-outside-domain'; readonly words: string }
  /** What the image shows (src/ct/field.ts). */
  | { readonly code: 'head-outside-domain'; readonly diameterMm: number }
  | { readonly code: 'small-body-outside-domain'; readonly diameterMm: number }
  | { readonly code: 'cut-off-outside-domain'; readonly percent: number }
  | {
      readonly code: 'series-mixed';
      readonly what:
        | 'kernels'
        | 'slice thicknesses'
        | 'tube voltages'
        | 'phases'
        | 'acquisitions'
        | 'image types'
        | 'scanners';
      /** Empty when only a pause tells. */
      readonly values: string;
    }
  /** Slices at the position of another one. */
  | { readonly code: 'positions-repeated'; readonly slices: number }
  | { readonly code: 'pixels-not-square'; readonly rowMm: number; readonly columnMm: number }
  | { readonly code: 'slices-interrupted'; readonly parts: number }
  | { readonly code: 'lossy-source'; readonly method: string }
  | { readonly code: 'derived-source'; readonly imageType: string }
  | { readonly code: 'image-type-missing' }
);

/** What broke, in the job, the engine, writing or storing. `detail` is for the log and the curious, not the headline. */
export type Fault = { readonly kind: 'fault'; readonly detail?: string } & (
  | { readonly code: 'model-download'; readonly url: string; readonly status?: number }
  | { readonly code: 'model-hash'; readonly url: string }
  | { readonly code: 'model-manifest'; readonly url: string }
  /** Of the viewer, by the site. */
  | { readonly code: 'configuration' }
  | { readonly code: 'no-provider' }
  /** `rows` x `columns`: the size of the test slice. */
  | {
      readonly code: 'self-test';
      readonly provider: string;
      readonly maxErrorHu: number;
      readonly rows: number;
      readonly columns: number;
    }
  | { readonly code: 'device-lost'; readonly provider: string }
  | { readonly code: 'engine-hang'; readonly provider: string; readonly seconds: number }
  | { readonly code: 'inference'; readonly provider: string }
  | { readonly code: 'bad-output'; readonly what: 'not-finite' | 'out-of-range' }
  | { readonly code: 'bad-input'; readonly what: 'not-finite' }
  | { readonly code: 'runtime-load'; readonly url: string }
  /** `status`: HTTP status of the archive's answer, 0 where none came; absent: not known. */
  | { readonly code: 'source-unavailable'; readonly sopInstanceUid: string; readonly status?: number }
  /** What was read is not what was listed: another image, or another content. */
  | { readonly code: 'source-changed'; readonly sopInstanceUid: string; readonly what: string }
  | { readonly code: 'neighbour-unavailable'; readonly sopInstanceUid: string; readonly status?: number }
  | { readonly code: 'source-header'; readonly sopInstanceUid: string; readonly status?: number }
  | { readonly code: 'unreadable-dicom'; readonly what: string }
  /** The worker that writes derived instances has broken. */
  | { readonly code: 'derive-worker' }
  | { readonly code: 'memory-budget'; readonly neededMiB: number; readonly allowedMiB: number }
  | { readonly code: 'store-unreachable'; readonly url: string }
  | { readonly code: 'store-refused'; readonly status: number }
  | { readonly code: 'store-incomplete'; readonly stored: number; readonly failed: number }
  | { readonly code: 'store-mismatch'; readonly sopInstanceUid: string }
  | { readonly code: 'store-journal'; readonly what: string }
  | { readonly code: 'save-folder'; readonly what: string }
  | { readonly code: 'save-cancelled'; readonly what: 'zip' | 'folder' | 'store' }
  /** What `src/guard` finds on the scan itself, in whole percent and tenths of an HU. */
  | {
      readonly code: 'guard-lesions';
      readonly diameterMm: number;
      readonly contrastHu: number;
      /** Of the strength that is to be saved. */
      readonly strengthPercent: number;
      readonly keptPercent: number;
      /** Strength at which the lesion keeps enough; 0: there is none. */
      readonly keepingPercent: number;
    }
  | { readonly code: 'guard-texture'; readonly addedPercent: number }
  | { readonly code: 'guard-edges'; readonly keptPercent: number }
  | {
      readonly code: 'guard-tissue';
      readonly tissue: string;
      readonly changeHu: number;
      readonly limitHu: number;
    }
  /** Row and column from 1. */
  | {
      readonly code: 'guard-region';
      readonly sopInstanceUid: string;
      readonly row: number;
      readonly column: number;
      readonly changeHu: number;
    }
  | { readonly code: 'still-shown'; readonly seconds: number }
  | { readonly code: 'internal' }
  | { readonly code: 'cancelled' }
);

export type Notice = Refusal | Warning | Fault;

/** An error whose text for people is `describe(error.notice)`; the technical reason stays in `cause`. */
export class DenoiseError extends Error {
  override readonly name = 'DenoiseError';
  constructor(
    readonly notice: Fault | Refusal,
    options?: { cause?: unknown },
  ) {
    // The message is for logs; people read `describe(notice)`.
    const detail = 'detail' in notice && notice.detail ? `: ${notice.detail}` : '';
    super(`${notice.code}${detail}`, options);
  }
}
