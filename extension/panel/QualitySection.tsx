import type { Run } from '../session/run';
import { Box, hu, Section, slices } from './parts';

const TISSUE_NAMES = { air: 'Air', lung: 'Lung', fat: 'Fat', soft: 'Soft tissue', bone: 'Bone' } as const;

/** What was removed, tissue by tissue, at the strength that is shown; and whether structure went with it. */
export function QualitySection({ run }: { run: Run }) {
  if (run.snapshot.progress.done === 0) return null;
  const total = run.quality.total();
  const flagged = total.flaggedSlices.length;
  const present = (Object.keys(TISSUE_NAMES) as (keyof typeof TISSUE_NAMES)[]).filter(
    tissue => total.tissue[tissue].pixels > 0,
  );
  return (
    <Section id="quality" title="What was removed" aside={slices(run.snapshot.progress.done)}>
      <table className="iscl-table">
        <thead>
          <tr>
            <th scope="col">Tissue</th>
            <th scope="col" title="Mean of denoised minus original">
              Mean change
            </th>
            <th scope="col" title="Standard deviation of denoised minus original">
              Noise removed
            </th>
          </tr>
        </thead>
        <tbody>
          {present.map(tissue => (
            <tr key={tissue}>
              <td>{TISSUE_NAMES[tissue]}</td>
              <td>{hu(total.tissue[tissue].meanChangeHu * run.strength)} HU</td>
              <td>{hu(total.tissue[tissue].sdRemovedHu * run.strength)} HU</td>
            </tr>
          ))}
        </tbody>
      </table>
      {flagged > 0 ? (
        <Box tone="warning" cy="iscl-structure">
          <span>
            Structure, not only noise, may have been removed in {slices(flagged)}. Look at the difference
            (Review).
          </span>
        </Box>
      ) : null}
    </Section>
  );
}
