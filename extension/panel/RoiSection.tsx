import type { RoiResult } from '../session/roi';
import { hu, Section } from './parts';

const NAMES = { EllipticalROI: 'Ellipse', RectangleROI: 'Rectangle', CircleROI: 'Circle' } as const;

/** Mean and SD of the viewer's own ROIs, before and after. */
export function RoiSection({ results }: { results: readonly RoiResult[] }) {
  return (
    <Section id="regions" title="ROI statistics">
      {results.length === 0 ? (
        <div className="iscl-muted iscl-small">
          Draw an ellipse, rectangle or circle on either image: mean and SD before and after.
        </div>
      ) : (
        <table className="iscl-table">
          <thead>
            <tr>
              <th scope="col">ROI</th>
              <th scope="col">HU</th>
              <th scope="col">Original</th>
              <th scope="col">Denoised</th>
            </tr>
          </thead>
          <tbody>
            {results.map(result => (
              <Rows key={result.annotationUid} result={result} />
            ))}
          </tbody>
        </table>
      )}
    </Section>
  );
}

function Rows({ result }: { result: RoiResult }) {
  const { original, denoised } = result;
  return (
    <>
      <tr data-cy="iscl-roi" data-pixels={original.pixels}>
        <td title={`${original.pixels} pixels`}>{result.label || NAMES[result.tool]}</td>
        <td>mean</td>
        <td>{hu(original.meanHu)}</td>
        <td>{denoised ? hu(denoised.meanHu) : '–'}</td>
      </tr>
      <tr>
        <td className="iscl-muted">slice {result.slice}</td>
        <td>SD</td>
        <td>{hu(original.sdHu)}</td>
        <td>{denoised ? hu(denoised.sdHu) : '–'}</td>
      </tr>
    </>
  );
}
