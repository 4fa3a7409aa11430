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

function stage(id: StageId, roles: readonly Role[]) {
  return {
    id,
    name: id,
    viewportStructure: { layoutType: 'grid', properties: { rows: 1, columns: roles.length } },
    viewports: roles.map(viewport),
  };
}

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
    stage('review', ['original', 'denoised', 'difference']),
  ],
};

export function getHangingProtocolModule() {
  return [{ name: PROTOCOL_ID, protocol }];
}
