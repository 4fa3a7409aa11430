import type { PeerRow } from './index';

const [WIDTH, HEIGHT] = [760, 440];
const AREA = { left: 64, right: 740, top: 20, bottom: 390 };

/** Time against quality as SVG: a point for what has both, a line at its time for what has random weights. */
export function picture(rows: readonly PeerRow[]): string {
  const low = Math.log10(Math.min(...rows.map(({ median }) => median)) / 1.5);
  const high = Math.log10(Math.max(...rows.map(({ median }) => median)) * 1.5);
  const gains = rows.flatMap(({ score }) => (score ? [score.psnrGain] : []));
  const [bottom, top] = [Math.min(0, ...gains) - 0.2, Math.max(1, ...gains) + 0.5];
  const x = (ms: number) => AREA.left + ((Math.log10(ms) - low) / (high - low)) * (AREA.right - AREA.left);
  const y = (gain: number) => AREA.bottom - ((gain - bottom) / (top - bottom)) * (AREA.bottom - AREA.top);
  const text = (at: string, value: string, more = '') => `<text ${at} ${more}>${escaped(value)}</text>`;
  const decades = Array.from(
    { length: Math.ceil(high) - Math.ceil(low) },
    (_, i) => 10 ** (Math.ceil(low) + i),
  );
  const levels = Array.from(
    { length: Math.floor(top) - Math.ceil(bottom) + 1 },
    (_, i) => Math.ceil(bottom) + i,
  );
  const marks = rows.map(({ what, median, score }, i) => {
    const left = x(median) > AREA.right - 220;
    const side = left ? 'text-anchor="end"' : '';
    const at = x(median) + (left ? -8 : 8);
    if (score)
      return `<circle cx="${x(median)}" cy="${y(score.psnrGain)}" r="5" fill="#0a5"/>${text(`x="${at}" y="${y(score.psnrGain) + 4}"`, what, side)}`;
    const level = AREA.bottom - 14 - 18 * (i % 6);
    return `<path d="M${x(median)} ${AREA.top}V${AREA.bottom}" stroke="#a33" stroke-dasharray="4 4"/>${text(`x="${at}" y="${level}"`, what, side)}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    ...decades.map(
      ms =>
        `<path d="M${x(ms)} ${AREA.top}V${AREA.bottom}" stroke="#ddd"/>${text(`x="${x(ms)}" y="${AREA.bottom + 18}"`, `${ms}`, 'text-anchor="middle"')}`,
    ),
    ...levels.map(
      gain =>
        `<path d="M${AREA.left} ${y(gain)}H${AREA.right}" stroke="#ddd"/>${text(`x="${AREA.left - 8}" y="${y(gain) + 4}"`, `${gain}`, 'text-anchor="end"')}`,
    ),
    text(
      `x="${(AREA.left + AREA.right) / 2}" y="${HEIGHT - 12}"`,
      'ms a slice (median, logarithmic)',
      'text-anchor="middle"',
    ),
    text(
      `x="16" y="${(AREA.top + AREA.bottom) / 2}"`,
      'PSNR gain, dB',
      `text-anchor="middle" transform="rotate(-90 16 ${(AREA.top + AREA.bottom) / 2})"`,
    ),
    ...marks,
    '</svg>',
    '',
  ].join('\n');
}

const escaped = (value: string) => value.replace(/&/g, '&amp;').replace(/</g, '&lt;');
