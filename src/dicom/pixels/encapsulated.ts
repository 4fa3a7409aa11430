import { valueOf, type EncapsulatedElement, type RawDataset } from '../part10/elements';
import { unreadable } from '../part10/errors';
import { TAG } from '../part10/tags';

/**
 * The code stream of one frame (PS3.5 A.4): one frame may be several fragments, with a Basic or Extended Offset Table or without any.
 * @throws DenoiseError `unreadable-dicom` when the frames cannot be told apart
 */
export function frameOf(
  element: EncapsulatedElement,
  frames: number,
  frameIndex: number,
  dataset: RawDataset,
): Uint8Array {
  const { fragments } = element;
  if (fragments.length === 0) throw unreadable('there are no compressed pixels');
  if (frames === 1) return joined(fragments);
  if (fragments.length === frames) return fragments[frameIndex]!;
  const starts = startsByTable(element, frames, dataset) ?? startsByMarker(fragments);
  if (starts.length !== frames)
    throw unreadable(`${frames} frames are announced, ${starts.length} are there`);
  return joined(fragments.slice(starts[frameIndex]!, starts[frameIndex + 1] ?? fragments.length));
}

/** Index of the first fragment of each frame, from the offsets; null without a table. */
function startsByTable(
  { offsetTable, fragments }: EncapsulatedElement,
  frames: number,
  dataset: RawDataset,
): number[] | null {
  const offsets = offsetTable.length > 0 ? basicOffsets(offsetTable) : extendedOffsets(dataset);
  if (!offsets) return null;
  if (offsets.length !== frames)
    throw unreadable('the offset table has another number of frames than the header');
  const starts: number[] = [];
  let at = 0;
  for (const [index, fragment] of fragments.entries()) {
    if (at === offsets[starts.length]) starts.push(index);
    at += 8 + fragment.length;
  }
  return starts;
}

function basicOffsets(table: Uint8Array): number[] {
  const view = new DataView(table.buffer, table.byteOffset, table.length);
  return Array.from({ length: Math.floor(table.length / 4) }, (_, i) => view.getUint32(i * 4, true));
}

function extendedOffsets(dataset: RawDataset): number[] | null {
  const table = valueOf(dataset, TAG.ExtendedOffsetTable);
  if (!table) return null;
  const view = new DataView(table.buffer, table.byteOffset, table.length);
  return Array.from({ length: Math.floor(table.length / 8) }, (_, i) =>
    Number(view.getBigUint64(i * 8, true)),
  );
}

/** A frame begins where a fragment begins with the start marker of JPEG, JPEG-LS (FFD8) or JPEG 2000 (FF4F, or its box form). */
function startsByMarker(fragments: readonly Uint8Array[]): number[] {
  const starts: number[] = [];
  for (const [index, fragment] of fragments.entries()) {
    const isStart = fragment[0] === 0xff && (fragment[1] === 0xd8 || fragment[1] === 0x4f);
    const isBox = fragment[4] === 0x6a && fragment[5] === 0x50;
    if (isStart || isBox) starts.push(index);
  }
  return starts;
}

function joined(fragments: readonly Uint8Array[]): Uint8Array {
  if (fragments.length === 1) return fragments[0]!;
  const whole = new Uint8Array(fragments.reduce((length, fragment) => length + fragment.length, 0));
  let at = 0;
  for (const fragment of fragments) {
    whole.set(fragment, at);
    at += fragment.length;
  }
  return whole;
}
