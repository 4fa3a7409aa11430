/** Stages of the hanging protocol; the panel's stage buttons and `setDenoiseStage` use these ids. */
export const STAGES = ['single', 'compare', 'review'] as const;
export type StageId = (typeof STAGES)[number];

/** Part that a display set plays in a comparison; the hanging protocol matches it by the attribute `isclRole`. */
export type Role = 'original' | 'denoised' | 'difference';
export const ROLE_ATTRIBUTE = 'isclRole';
export const SLICE_ATTRIBUTE = 'isclCurrentSlice';

/** The hanging protocol's viewports. */
export const VIEWPORT_ID: Readonly<Record<Role, string>> = {
  original: 'iscl-original',
  denoised: 'iscl-denoised',
  difference: 'iscl-difference',
};

/** False for the viewports of other protocols, such as those of MPR. */
export const isComparisonViewport = (viewportId: string): boolean =>
  Object.values(VIEWPORT_ID).includes(viewportId);
