import type * as core from '@cornerstonejs/core';
import { sourceUidOf, storedSettings, type SliceHu, type StoredSettings } from '../../src/ct';
import { DenoiseError } from '../../src/notices';
import type { PixelSource, ResultSlice } from '../derived/pixel-source';
import type { DerivedRegistry } from '../derived/registry';
import { derivedSeries, type DerivedSeries } from '../derived/series';
import type { DataSource, DisplaySet, Services } from '../ohif';
import { seriesHasInt16Hu, instancesOf, ohifSeries, type OhifSeries, type OhifSlice } from '../source';
import { isStored, listLive, unlistLive } from './listing';
import type { Pair, PairDisplaySets } from './pair';

/** A stored denoised series and its original. Nothing is computed: its pixels are read back, and the difference is that of the two. */
export class StoredPair implements Pair, PixelSource {
  readonly displaySets: PairDisplaySets;
  readonly settings: StoredSettings;
  readonly differenceSeries: DerivedSeries;
  /** Of the pixels read back: they are shown as they are. */
  readonly strength = 1;
  private readonly originals: ReadonlyMap<string, OhifSlice>;
  /** By the SOP Instance UID of the original. */
  private readonly results: ReadonlyMap<string, OhifSlice>;

  constructor(
    readonly source: OhifSeries,
    readonly stored: OhifSeries,
  ) {
    this.displaySets = {
      source: source.displaySet.displaySetInstanceUID,
      denoised: stored.displaySet.displaySetInstanceUID,
      difference: null,
    };
    this.settings = storedSettings(stored.slices[0]!.instance);
    this.originals = new Map(source.slices.map(slice => [slice.instance.SOPInstanceUID, slice]));
    this.results = new Map(stored.slices.map(slice => [sourceUidOf(slice.instance) ?? '', slice]));
    this.differenceSeries = derivedSeries(
      source,
      'difference',
      seriesHasInt16Hu(source) && seriesHasInt16Hu(stored),
    );
  }

  get toldStrength(): number | null {
    return this.settings.strength;
  }

  owns(displaySetUid: string): boolean {
    return Object.values(this.displaySets).includes(displaySetUid);
  }

  has(sopInstanceUid: string): boolean {
    return this.originals.has(sopInstanceUid);
  }

  placeOf(sopInstanceUid: string): number {
    return instancesOf(this.source.displaySet).findIndex(one => one.SOPInstanceUID === sopInstanceUid) + 1;
  }

  indexOf(imageId: string): number {
    const uid = this.sourceUidOf(imageId);
    return this.source.slices.findIndex(
      (slice, index) =>
        slice.imageId === imageId ||
        slice.instance.SOPInstanceUID === uid ||
        this.differenceSeries.slices[index]!.imageId === imageId,
    );
  }

  /** SOP Instance UID of the original of a stored image; null for images of other series. */
  sourceUidOf(imageId: string): string | null {
    for (const [uid, slice] of this.results) if (slice.imageId === imageId) return uid;
    return null;
  }

  sourceHu(sopInstanceUid: string): Promise<SliceHu> {
    const slice = this.originals.get(sopInstanceUid);
    return slice ? slice.loadHu() : Promise.reject(notHere(sopInstanceUid));
  }

  async shownHu(sopInstanceUid: string): Promise<Float32Array | null> {
    return (await this.results.get(sopInstanceUid)?.loadHu())?.hu ?? null;
  }

  async denoised(sopInstanceUid: string): Promise<ResultSlice> {
    const slice = this.results.get(sopInstanceUid);
    if (!slice) throw notHere(sopInstanceUid);
    const { rows, columns, hu } = await slice.loadHu();
    return { sopInstanceUid, rows, columns, hu };
  }

  someDone(preferredUid: string): Promise<ResultSlice> {
    return this.denoised(this.results.has(preferredUid) ? preferredUid : [...this.results.keys()][0]!);
  }
}

const notHere = (sopInstanceUid: string) =>
  new DenoiseError({ kind: 'fault', code: 'source-unavailable', sopInstanceUid });

export interface StoredHost {
  readonly services: Services;
  readonly cornerstone: typeof core;
  readonly registry: DerivedRegistry;
  dataSource(): DataSource;
}

/** The stored denoised series of the open studies, each with its original. */
export class StoredPairs {
  /** By the UID of the stored display set; null: it has no original here. */
  private readonly pairs = new Map<string, StoredPair | null>();
  private readonly sourceUids = new Map<string, string>();

  constructor(private readonly host: StoredHost) {}

  /** The pair of a stored series or its difference. An original may belong to several: see `on`. */
  of(displaySetUid: string): StoredPair | null {
    return (
      this.all.find(pair => pair.owns(displaySetUid) && pair.displaySets.source !== displaySetUid) ?? null
    );
  }

  /** The pairs of an original. */
  on(displaySetUid: string): readonly StoredPair[] {
    return this.all.filter(pair => pair.displaySets.source === displaySetUid);
  }

  ofSeries(seriesInstanceUid: string): StoredPair | null {
    return this.all.find(pair => pair.stored.seriesInstanceUid === seriesInstanceUid) ?? null;
  }

  /** SOP Instance UID of the original of a stored image; null for any other image. */
  sourceUidOf(imageId: string): string | null {
    return this.sourceUids.get(imageId) ?? null;
  }

  listDifference(pair: StoredPair): void {
    const { services, registry } = this.host;
    if (pair.displaySets.difference !== null) return;
    registry.add(pair.differenceSeries, pair);
    pair.displaySets.difference = listLive(services.displaySetService, pair.differenceSeries, pair);
  }

  /** Display sets have come: pairs those of our making with their originals. */
  refresh(): void {
    const all = this.host.services.displaySetService.getActiveDisplaySets();
    for (const displaySet of all) {
      const uid = displaySet.displaySetInstanceUID;
      if (this.pairs.get(uid) || !isStored(displaySet)) continue;
      this.pairs.set(uid, this.pair(displaySet, all));
    }
  }

  /** Display sets have gone. */
  forget(displaySetUids: readonly string[]): void {
    const { services, registry } = this.host;
    for (const [uid, pair] of [...this.pairs]) {
      const gone = displaySetUids.find(one => one === uid || pair?.owns(one));
      if (gone === undefined) continue;
      if (pair && gone === pair.displaySets.difference) {
        registry.remove(pair.differenceSeries);
        pair.displaySets.difference = null;
        continue;
      }
      this.pairs.delete(uid);
      if (!pair) continue;
      for (const { imageId } of pair.stored.slices) this.sourceUids.delete(imageId);
      if (pair.displaySets.difference !== null) unlistLive(services, pair.displaySets.difference);
      registry.remove(pair.differenceSeries);
    }
  }

  /** The mode is left: OHIF forgets its display sets by itself. */
  dispose(): void {
    for (const { differenceSeries } of this.all) this.host.registry.remove(differenceSeries);
    this.pairs.clear();
    this.sourceUids.clear();
  }

  private get all(): readonly StoredPair[] {
    return [...this.pairs.values()].filter(pair => pair !== null);
  }

  private pair(displaySet: DisplaySet, all: readonly DisplaySet[]): StoredPair | null {
    const uids = new Set(instancesOf(displaySet).map(instance => sourceUidOf(instance)));
    const original = all.find(
      one =>
        one.StudyInstanceUID === displaySet.StudyInstanceUID &&
        instancesOf(one).some(({ SOPInstanceUID }) => uids.has(SOPInstanceUID)),
    );
    if (!original) return null;
    const [source, stored] = [original, displaySet].map(one =>
      ohifSeries(one, this.host.dataSource(), this.host.cornerstone),
    ) as [OhifSeries, OhifSeries];
    const pair = new StoredPair(source, stored);
    for (const { imageId, instance } of stored.slices) {
      const uid = sourceUidOf(instance);
      if (uid !== null) this.sourceUids.set(imageId, uid);
    }
    return pair;
  }
}
