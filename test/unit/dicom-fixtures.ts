import type { Provenance } from '../../src/dicom';

export const provenance: Provenance = {
  model: { name: 'test-model', version: '1.0.0', sha256: 'ab'.repeat(32) },
  strength: 0.5,
  provider: 'wasm',
  precision: 'fp32',
  codeVersion: '0.1.0',
};
