import type { RunSnapshot } from '../session/snapshot';
import { quietHu } from '../../src/residual';
import { Box, hu, ranges, Section, slices } from './parts';

const TISSUE_NAMES = { air: 'Air', lung: 'Lung', fat: 'Fat', soft: 'Soft tissue', bone: 'Bone' } as const;

/** What was removed, tissue by tissue, at the strength that is shown; and whether structure went with it. */
export function ResidualSection({ denoised }: { denoised: RunSnapshot }) {
  const { removed: total, flagged, strength } = denoised;
  if (total.slices === 0) return null;
  const present = (Object.keys(TISSUE_NAMES) as (keyof typeof TISSUE_NAMES)[]).filter(
    tissue => total.tissue[tissue].pixels > 0,
  );
  const quiet = quietHu(total, strength);
  return (
    <Section id="residual" title="What was removed" aside={slices(total.slices)}>
      {quiet === null ? null : (
        <Box tone="info" cy="iscl-quiet">
          <span>This series is already quiet: {quiet.toFixed(1)} HU removed.</span>
        </Box>
      )}
      <table className="iscl-table">
        <caption>Denoised minus original, HU, inside uniform tissue; edges left out.</caption>
        <thead>
          <tr>
            <th scope="col">Tissue</th>
            <th scope="col" title="Mean of denoised minus original: a shift of the tissue">
              Mean
            </th>
            <th scope="col" title="Standard deviation of denoised minus original: the noise taken out">
              SD
            </th>
          </tr>
        </thead>
        <tbody>
          {present.map(tissue => (
            <tr key={tissue}>
              <th scope="row" title={`${total.tissue[tissue].pixels} pixels`}>
                {TISSUE_NAMES[tissue]}
              </th>
              <td>{hu(total.tissue[tissue].meanChangeHu * strength)}</td>
              <td>{hu(total.tissue[tissue].sdRemovedHu * strength)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {flagged.length > 0 ? (
        <Box tone="warning" cy="iscl-structure">
          <span>
            Structure, not only noise, may have been removed in {slices(flagged.length)} ({ranges(flagged)}).
            Check the difference image (Review).
          </span>
        </Box>
      ) : null}
    </Section>
  );
}
