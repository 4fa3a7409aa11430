import { PROTOCOL_ID } from './id';
import { ROLE_ATTRIBUTE, SLICE_ATTRIBUTE, VIEWPORT_ID, type Role, type StageId } from './stages';

// Slices are kept together by session/comparison.ts, zoom, pan and window by session/view-sync.ts.
const SYNC_SEGMENTATION = {
  type: 'hydrateseg',
  id: 'sameFORId',
  source: true,
  target: true,
  options: { matchingRules: ['sameFOR'] },
};

function viewport(role: Role) {
  return {
    viewportOptions: {
      viewportId: VIEWPORT_ID[role],
      viewportType: 'stack',
      toolGroupId: 'default',
      allowUnmatchedView: true,
      initialImageOptions: { custom: SLICE_ATTRIBUTE },
      syncGroups: [SYNC_SEGMENTATION],
    },
    displaySets: [{ id: role }],
  };
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** @param boxes where the viewports are, in shares of the grid; default: side by side */
function stage(id: StageId, roles: readonly Role[], boxes?: readonly Box[]) {
  const [rows, columns] = boxes ? [2, 2] : [1, roles.length];
  return {
    id,
    name: id,
    viewportStructure: {
      layoutType: 'grid',
      properties: { rows, columns, ...(boxes ? { layoutOptions: boxes } : {}) },
    },
    viewports: roles.map(viewport),
  };
}

/**
 * Two rows: three columns leave the difference 275 of 1400 pixels, too few to tell structure from noise. All have one size, because Cornerstone keeps pan in shares of
 * the viewport.
 */
const REVIEW: readonly Box[] = [
  { x: 0, y: 0, width: 0.5, height: 0.5 },
  { x: 0.5, y: 0, width: 0.5, height: 0.5 },
  { x: 0.25, y: 0.5, width: 0.5, height: 0.5 },
];

const playsRole = (role: Role) => ({
  attribute: ROLE_ATTRIBUTE,
  weight: 1000,
  constraint: { equals: { value: role } },
});

const protocol = {
  id: PROTOCOL_ID,
  name: 'Low-dose CT: original and denoised',
  description: 'A CT series, its denoised version and their difference, side by side.',
  protocolMatchingRules: [],
  toolGroupIds: ['default'],
  numberOfPriorsReferenced: 0,
  defaultViewport: {
    viewportOptions: { viewportType: 'stack', toolGroupId: 'default', allowUnmatchedView: true },
    displaySets: [{ id: 'original', matchedDisplaySetsIndex: -1 }],
  },
  displaySetSelectors: {
    // Before anything is denoised: a CT series of the study, rather one of many images than a localizer.
    original: {
      seriesMatchingRules: [
        playsRole('original'),
        { attribute: 'isDisplaySetFromUrl', weight: 100, constraint: { equals: true } },
        { attribute: 'Modality', weight: 20, constraint: { equals: { value: 'CT' } } },
        { attribute: 'numImageFrames', weight: 10, constraint: { greaterThan: { value: 4 } } },
        { attribute: 'numImageFrames', weight: 1, constraint: { greaterThan: { value: 0 } }, required: true },
      ],
    },
    denoised: { seriesMatchingRules: [{ ...playsRole('denoised'), required: true }] },
    difference: { seriesMatchingRules: [{ ...playsRole('difference'), required: true }] },
  },
  stages: [
    stage('single', ['original']),
    stage('compare', ['original', 'denoised']),
    stage('review', ['original', 'denoised', 'difference'], REVIEW),
  ],
};

export function getHangingProtocolModule() {
  return [{ name: PROTOCOL_ID, protocol }];
}
