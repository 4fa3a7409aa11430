import { idle } from '../idle';
import type { Run } from '../session/run';
import { paint } from './image';
import { DIFFERENCE_WINDOW, type DerivedKind, type DerivedSeries } from './series';

const LINES: Readonly<Record<DerivedKind, readonly string[]>> = {
  denoised: ['ISCL DENOISED', 'not for diagnostic use'],
  difference: ['ISCL DIFFERENCE', 'not for diagnostic use'],
};
/** Soft tissue, as the study browser's other thumbnails of CT usually are. */
const DENOISED_WINDOW = { center: 40, width: 400 };
const SIZE = 256;

/**
 * A picture of one slice as soon as it is denoised, with the warning drawn in: the study browser cuts the series description to a few
 * words. A PNG data URL.
 */
export async function paintThumbnail(
  run: Run,
  series: DerivedSeries,
  sopInstanceUid: string,
): Promise<string> {
  const denoised = await run.whenDone(sopInstanceUid);
  await idle();
  const { rows, columns } = denoised;
  const values = new Float32Array(rows * columns);
  paint(values, series.kind, await run.sourceHu(sopInstanceUid), denoised, run.strength);

  const { center, width } = series.kind === 'difference' ? DIFFERENCE_WINDOW : DENOISED_WINDOW;
  const picture = new ImageData(columns, rows);
  for (let i = 0; i < values.length; i++) {
    const grey = ((values[i]! - center) / width + 0.5) * 255;
    picture.data.fill(grey, 4 * i, 4 * i + 3);
    picture.data[4 * i + 3] = 255;
  }
  const bitmap = await createImageBitmap(picture);

  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = SIZE;
  const context = canvas.getContext('2d')!;
  context.fillRect(0, 0, SIZE, SIZE);
  const scale = SIZE / Math.max(rows, columns);
  const [wide, high] = [columns * scale, rows * scale];
  context.drawImage(bitmap, (SIZE - wide) / 2, (SIZE - high) / 2, wide, high);
  bitmap.close();
  context.fillStyle = 'rgba(0, 0, 0, 0.75)';
  context.fillRect(0, 0, SIZE, 54);
  context.fillStyle = '#ffb020';
  context.textAlign = 'center';
  // Small enough for the study browser, which shows the middle three quarters.
  context.font = '600 19px sans-serif';
  LINES[series.kind].forEach((line, index) => context.fillText(line, SIZE / 2, 22 + 23 * index));
  return canvas.toDataURL('image/png');
}
