import { WARNING_COLOUR } from '../id';
import { idle } from '../idle';
import { paint } from './image';
import type { PixelSource } from './pixel-source';
import type { DerivedKind, DerivedSeries } from './series';

const NAMES: Readonly<Record<DerivedKind, string>> = {
  denoised: 'ISCL DENOISED',
  difference: 'ISCL DIFFERENCE',
};
/** Soft tissue, as the study browser's other thumbnails of CT usually are. */
const DENOISED_WINDOW = { center: 40, width: 400 };
const SIZE = 256;

/**
 * A picture of a slice as soon as one is denoised, with the warning drawn in: the study browser cuts the series description to a few words.
 * A PNG data URL.
 * @param preferredUid the slice to show if it is there
 */
export async function paintThumbnail(
  pixels: PixelSource,
  series: DerivedSeries,
  preferredUid: string,
): Promise<string> {
  const denoised = await pixels.someDone(preferredUid);
  await idle();
  const { rows, columns } = denoised;
  const values = new Float32Array(rows * columns);
  const source = await pixels.sourceHu(denoised.sopInstanceUid);
  paint(values, series.kind, source, denoised, pixels.strength);
  series.window?.fit(source, denoised.hu);
  const { center, width } = series.window ?? DENOISED_WINDOW;
  const picture = new ImageData(columns, rows);
  for (let i = 0; i < values.length; i++) {
    const grey = ((values[i]! - center) / width + 0.5) * 255;
    picture.data.fill(grey, 4 * i, 4 * i + 3);
    picture.data[4 * i + 3] = 255;
  }
  return labelled(await createImageBitmap(picture), NAMES[series.kind]);
}

/** The picture OHIF has made of a stored series of ours, with the warning and the strength (0 to 1, null: unknown) drawn in. */
export async function labelThumbnail(url: string, strength: number | null): Promise<string> {
  const image = new Image();
  image.src = url;
  await image.decode();
  const made = strength === null ? '' : ` ${Math.round(strength * 100)} %`;
  return labelled(await createImageBitmap(image), `${NAMES.denoised}${made}`);
}

function labelled(picture: ImageBitmap, name: string): string {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = SIZE;
  const context = canvas.getContext('2d')!;
  context.fillRect(0, 0, SIZE, SIZE);
  const scale = SIZE / Math.max(picture.width, picture.height);
  const [wide, high] = [picture.width * scale, picture.height * scale];
  context.drawImage(picture, (SIZE - wide) / 2, (SIZE - high) / 2, wide, high);
  picture.close();
  context.fillStyle = 'rgba(0, 0, 0, 0.75)';
  context.fillRect(0, 0, SIZE, 54);
  context.fillStyle = WARNING_COLOUR;
  context.textAlign = 'center';
  // Small enough for the study browser, which shows the middle three quarters.
  context.font = '600 19px sans-serif';
  [name, 'not for diagnostic use'].forEach((line, index) =>
    context.fillText(line, SIZE / 2, 22 + 23 * index),
  );
  return canvas.toDataURL('image/png');
}
