import { PRODUCT } from '../ct';
import type { EngineInfo } from '../engine';
import { slicesDigest, type Provenance } from '../dicom';
import type { Warning } from '../notices';

/**
 * With what a slice was made, as src/dicom writes it and makes the UIDs from it. One function for the viewer and the command line, so that the
 * same settings give the same UIDs.
 * @param provider of the slice itself: after a fallback it is not the one in `info`
 * @param strength 0 to 1
 * @param sopInstanceUids of all slices of the source series, in any order; a model of single slices does not use them
 * @param measured sentences of the guard's report
 */
export function provenanceOf(
  info: EngineInfo,
  provider: EngineInfo['provider'],
  strength: number,
  warnings: readonly Warning[],
  sopInstanceUids: Iterable<string>,
  measured: readonly string[] = [],
): Provenance {
  const { name, version, sha256, slab } = info.model;
  const shape = slab
    ? { slab: { inputs: slab.inputs, outputs: slab.outputs, slices: slicesDigest(sopInstanceUids) } }
    : {};
  return {
    model: { name, version, sha256, ...shape },
    strength,
    provider,
    precision: info.precision,
    codeVersion: PRODUCT.version,
    warnings,
    measured,
  };
}
