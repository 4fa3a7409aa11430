import type * as core from '@cornerstonejs/core';
import type { Types } from '@cornerstonejs/tools';
import { regionStatistics, type Region, type RegionStatistics } from '../../src/residual';
import type { CornerstoneLibraries } from '../ohif';
import type { Pair } from './pair';

export interface RoiResult {
  readonly annotationUid: string;
  readonly tool: RoiTool;
  readonly label: string;
  /** Place of the slice in the stack as the viewport numbers it, from 1. */
  readonly slice: number;
  readonly original: RegionStatistics;
  /** Null until that slice is denoised. */
  readonly denoised: RegionStatistics | null;
}

/** `RoiTracker.results` are new. */
export interface RoiEvent {
  readonly kind: 'regions';
}

type RoiTool = 'EllipticalROI' | 'RectangleROI' | 'CircleROI';
const TOOLS: readonly string[] = ['EllipticalROI', 'RectangleROI', 'CircleROI'] satisfies RoiTool[];

/** While a handle is dragged events come with every mouse move. */
const SETTLE_MS = 120;

/**
 * Statistics of OHIF's own ROI annotations in the original and the denoised series, over the same pixels, whichever of the two they
 * were drawn on.
 */
export class RoiTracker {
  results: readonly RoiResult[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private turn = 0;
  private readonly events: readonly string[];

  constructor(
    private readonly libraries: CornerstoneLibraries,
    private readonly activePair: () => Pair | null,
    private readonly emit: (event: RoiEvent) => void,
  ) {
    const { Events } = libraries.cornerstoneTools.Enums;
    this.events = [Events.ANNOTATION_COMPLETED, Events.ANNOTATION_MODIFIED, Events.ANNOTATION_REMOVED];
    for (const name of this.events) libraries.cornerstone.eventTarget.addEventListener(name, this.schedule);
  }

  /** Asks for new figures: an annotation, the strength or the series changed. */
  readonly schedule = (): void => {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.measure(), SETTLE_MS);
  };

  dispose(): void {
    clearTimeout(this.timer);
    this.turn++;
    for (const name of this.events) {
      this.libraries.cornerstone.eventTarget.removeEventListener(name, this.schedule);
    }
  }

  private async measure(): Promise<void> {
    const turn = ++this.turn;
    const pair = this.activePair();
    const results: RoiResult[] = [];
    for (const annotation of pair ? this.annotations() : []) {
      const { toolName = '', referencedImageId } = annotation.metadata ?? {};
      const index = pair!.indexOf(referencedImageId ?? '');
      const region = index < 0 ? null : this.regionOf(annotation, pair!.source.slices[index]!.imageId);
      if (!region) continue;
      const uid = pair!.source.slices[index]!.instance.SOPInstanceUID;
      // An original that cannot be read any more has no figures; the others have.
      const source = await pair!.sourceHu(uid).catch(() => null);
      if (!source) continue;
      const shown = await pair!.shownHu(uid);
      const { original, denoised } = regionStatistics(source, shown ?? source.hu, region);
      if (turn !== this.turn) return;
      results.push({
        annotationUid: annotation.annotationUID ?? '',
        tool: toolName as RoiTool,
        label: String(annotation.data.label ?? ''),
        slice: pair!.placeOf(uid),
        original,
        denoised: shown ? denoised : null,
      });
    }
    this.results = results;
    this.emit({ kind: 'regions' });
  }

  private annotations() {
    const all = this.libraries.cornerstoneTools.annotation.state.getAllAnnotations();
    return all.filter(one => TOOLS.includes(one.metadata?.toolName ?? ''));
  }

  /** The annotation in pixels of its slice, where a pixel's centre has whole coordinates. */
  private regionOf(annotation: Types.Annotation, imageId: string): Region | null {
    const { worldToImageCoords } = this.libraries.cornerstone.utilities;
    const points = (annotation.data.handles?.points ?? []).map(point => {
      // Cornerstone counts from the pixel's corner.
      const [column, row] = worldToImageCoords(imageId, point as core.Types.Point3) ?? [NaN, NaN];
      return { column: column - 0.5, row: row - 0.5 };
    });
    if (points.length < 2 || points.some(({ column, row }) => !Number.isFinite(column + row))) return null;
    const columns = points.map(point => point.column);
    const rows = points.map(point => point.row);
    const [left, right] = [Math.min(...columns), Math.max(...columns)];
    const [top, bottom] = [Math.min(...rows), Math.max(...rows)];
    if (annotation.metadata?.toolName === 'RectangleROI') {
      return { kind: 'rectangle', left, top, right, bottom };
    }
    // A circle drawn in an older viewer has its centre and one point on it.
    if (points.length === 2) {
      const [centre, edge] = points as [(typeof points)[0], (typeof points)[0]];
      const radius = Math.hypot(edge.column - centre.column, edge.row - centre.row);
      return {
        kind: 'ellipse',
        centreColumn: centre.column,
        centreRow: centre.row,
        radiusColumns: radius,
        radiusRows: radius,
      };
    }
    return {
      kind: 'ellipse',
      centreColumn: (left + right) / 2,
      centreRow: (top + bottom) / 2,
      radiusColumns: (right - left) / 2,
      radiusRows: (bottom - top) / 2,
    };
  }
}
