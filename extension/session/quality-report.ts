import { PRODUCT } from '../../src/ct';
import type { EngineInfo } from '../../src/engine';
import type { GuardReport } from '../../src/guard';
import { describe, type Fault, type Warning } from '../../src/notices';
import type { SeriesStatistics } from '../../src/residual';

export type ReportFormat = 'html' | 'json';

/** What a physicist signs: how one series was denoised, with what, and what the guard measured. It names no patient. */
export interface QualityReport {
  readonly product: string;
  readonly version: string;
  readonly createdAt: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly slices: number;
  readonly model: Pick<EngineInfo['model'], 'id' | 'name' | 'version' | 'sha256'>;
  readonly provider: string;
  readonly runtime: string;
  readonly precision: string;
  readonly selfTest: EngineInfo['selfTest'];
  /** 0 to 1. */
  readonly strength: number;
  readonly warnings: readonly Warning[];
  /** Null where it could not be measured. */
  readonly guard: GuardReport | null;
  /** Per tissue at full strength, HU: mean and SD of denoised less original. */
  readonly removed: ReturnType<SeriesStatistics['total']>['tissue'];
  /** SOP Instance UIDs of slices that may have lost structure. */
  readonly flaggedSlices: readonly string[];
  /** SOP Instance UIDs of slices that did not work, with the reason. */
  readonly failed: readonly { readonly sopInstanceUid: string; readonly reason: string }[];
}

export type ReportInput = Omit<
  QualityReport,
  'product' | 'version' | 'createdAt' | 'model' | 'provider' | 'runtime' | 'precision' | 'selfTest' | 'failed'
> & { readonly engine: EngineInfo; readonly failed: ReadonlyMap<string, Fault>; readonly createdAt: Date };

export function qualityReport({ engine, failed, createdAt, ...rest }: ReportInput): QualityReport {
  const { id, name, version, sha256 } = engine.model;
  const { provider, runtime, precision, selfTest } = engine;
  return {
    product: PRODUCT.modelName,
    version: PRODUCT.version,
    createdAt: createdAt.toISOString(),
    model: { id, name, version, sha256 },
    provider,
    runtime,
    precision,
    selfTest,
    ...rest,
    failed: [...failed].map(([sopInstanceUid, fault]) => ({
      sopInstanceUid,
      reason: describe(fault).happened,
    })),
  };
}

/** One page that prints, without anything from elsewhere. */
export function reportHtml(report: QualityReport): string {
  const { guard, model, selfTest } = report;
  const facts: [string, string][] = [
    ['Series', report.seriesInstanceUid],
    ['Study', report.studyInstanceUid],
    ['Slices', String(report.slices)],
    ['Model', `${model.name} ${model.version}, SHA-256 ${model.sha256}`],
    ['Strength', percent(report.strength)],
    ['Computed on', `${report.provider} in ${report.precision}, ${report.runtime}`],
    ['Self-test', `${selfTest.maxErrorHu.toPrecision(2)} HU, allowed ${selfTest.toleranceHu} HU`],
    ['Made', `${report.createdAt}, ${report.product} ${report.version}`],
  ];
  const noise = guard?.noise;
  const lesions = guard?.lesions ?? [];
  const tissues = Object.entries(report.removed).filter(([, { pixels }]) => pixels > 0);
  const sections = [
    table('Series and computation', [], facts),
    list(
      'Warnings',
      report.warnings.map(warning => describe(warning).happened),
    ),
    list(
      'What forbids saving',
      (guard?.findings ?? []).map(finding => describe(finding).happened),
    ),
    noise
      ? `<p>Noise in soft tissue (${noise.regions} regions): ${noise.beforeHu.toFixed(1)} HU before, ${noise.afterHu.toFixed(1)} HU after.</p>`
      : '',
    lesions.length > 0
      ? table(
          `Known lesions in ${guard!.looks.length} slices of this scan, at this strength`,
          ['Lesion', 'Places', 'Contrast kept', 'Lighter', 'Darker', "d' over the original's", 'Level'],
          lesions.map(each => [
            `${each.lesion.diameterMm} mm, ${each.lesion.contrastHu} HU`,
            String(each.places),
            `${percent(each.contrast.mean)} ± ${(100 * each.contrast.sd).toFixed(0)}`,
            percent(each.lighter.mean),
            percent(each.darker.mean),
            each.detectability?.toFixed(2) ?? 'not measured',
            each.level,
          ]),
        )
      : '<p>No lesion was measured: no slice looked at has a uniform place, or the guard did not run.</p>',
    table(
      'Denoised less original at full strength, HU',
      ['Tissue', 'Pixels', 'Mean', 'SD'],
      tissues.map(([tissue, { pixels, meanChangeHu, sdRemovedHu }]) => [
        tissue,
        String(pixels),
        meanChangeHu.toFixed(1),
        sdRemovedHu.toFixed(1),
      ]),
    ),
    list('Slices that may have lost structure', report.flaggedSlices),
    list(
      'Slices that did not work',
      report.failed.map(({ sopInstanceUid, reason }) => `${sopInstanceUid}: ${reason}`),
    ),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Quality report</title><style>${STYLE}</style></head><body>
<h1>Quality report of a denoised CT series</h1>
<p><strong>For research; not for diagnosis.</strong></p>
${sections.filter(Boolean).join('\n')}
<p>Checked by: ______________________ Date: ____________</p>
</body></html>
`;
}

const STYLE =
  'body{font:14px/1.4 sans-serif;margin:2em auto;max-width:48em}table{border-collapse:collapse;width:100%;margin:1em 0}' +
  'caption{text-align:left;font-weight:600}th,td{border:1px solid #999;padding:3px 6px;text-align:left;overflow-wrap:anywhere}';

const percent = (share: number) => `${Math.round(100 * share)} %`;

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);
}

function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[], tag: 'td' | 'th') =>
    `<tr>${row.map(cell => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  const header = head.length > 0 ? `<thead>${cells(head, 'th')}</thead>` : '';
  return `<table><caption>${escaped(title)}</caption>${header}<tbody>${rows.map(row => cells(row, 'td')).join('')}</tbody></table>`;
}

function list(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  return `<h2>${escaped(title)}</h2><ul>${lines.map(line => `<li>${escaped(line)}</li>`).join('')}</ul>`;
}
