import type * as core from '@cornerstonejs/core';
import { sliceFromStored } from '../../src/ct';
import { ctInstance } from '../../src/ct/fixtures';
import { DenoiseError } from '../../src/notices';
import type { PixelSource } from './pixel-source';
import { DerivedRegistry } from './registry';
import type { DerivedSeries } from './series';

/* Cornerstone as far as the registry knows it: these are races and faults that no viewer can be made to show at will. */

const SIZE = 4;
const COUNT = 3;
const uid = (n: number) => `1.2.3.4.${n}`;
const imageId = (n: number) => `iscl:denoised/${n}`;

function stage() {
  const images = new Map<string, core.Types.IImage>();
  let loader: (imageId: string) => { promise: Promise<core.Types.IImage> };
  const renewedFrames: number[] = [];
  const volume = {
    volumeId: 'v',
    imageIds: Array.from({ length: COUNT }, (_, n) => imageId(n)),
    vtkOpenGLTexture: { setUpdatedFrame: (frame: number) => renewedFrames.push(frame) },
    imageData: { modified: () => undefined },
  };
  const providers: ((type: string, id: string) => unknown)[] = [];
  const cornerstone = {
    imageLoader: { registerImageLoader: (_: string, given: typeof loader) => (loader = given) },
    imageLoadPoolManager: { maxNumRequests: {}, setMaxSimultaneousRequests: () => undefined },
    metaData: {
      addProvider: (provider: (typeof providers)[0]) => providers.push(provider),
      removeProvider: () => undefined,
      get: (type: string, id: string) => (id === 'source' ? { rowPixelSpacing: 1 } : providers[0]!(type, id)),
    },
    utilities: { VoxelManager: { createImageVoxelManager: () => ({}) } },
    cache: {
      getImage: (id: string) => images.get(id),
      getVolumes: () => [volume],
      getImageLoadObject: () => undefined,
      removeVolumeLoadObject: () => undefined,
    },
    getRenderingEngines: () => [],
    Enums: {
      RequestType: { Interaction: 'interaction' },
      ImageQualityStatus: {},
      VOILUTFunctionType: {},
      ViewportType: {},
    },
  } as unknown as typeof core;

  const instance = (n: number) => ctInstance({ Rows: SIZE, Columns: SIZE }, n);
  const series = {
    kind: 'denoised',
    int16Hu: true,
    slices: Array.from({ length: COUNT }, (_, n) => ({
      source: { instance: instance(n), imageId: 'source' },
      imageId: imageId(n),
      instance: instance(n),
    })),
  } as unknown as DerivedSeries;
  /** Originals are 0 HU, results 100 HU. */
  const pixels = {
    strength: 1,
    unreadable: new Set<string>(),
    held: [] as (() => void)[],
    hold: false,
    denoised: async () => ({ hu: new Int16Array(SIZE * SIZE).fill(100) }),
    async sourceHu(sopInstanceUid: string) {
      if (this.hold) await new Promise<void>(resolve => this.held.push(resolve));
      if (this.unreadable.has(sopInstanceUid)) {
        throw new DenoiseError({ kind: 'fault', code: 'source-unavailable', sopInstanceUid });
      }
      return sliceFromStored(new Uint16Array(SIZE * SIZE).fill(1024), instance(1));
    },
  };
  const registry = new DerivedRegistry(cornerstone);
  registry.add(series, pixels as unknown as PixelSource);
  return {
    registry,
    series,
    pixels,
    renewedFrames,
    load: async (n: number) => {
      const image = await loader(imageId(n)).promise;
      images.set(imageId(n), image);
      return image;
    },
    shown: () => Array.from({ length: COUNT }, (_, n) => images.get(imageId(n))?.getPixelData()[0]),
  };
}

describe('DerivedRegistry', () => {
  test('an original that cannot be read again leaves its own image blank, and no other', async () => {
    const { registry, series, pixels, load, shown } = stage();
    for (let n = 0; n < COUNT; n++) await load(n);
    expect(shown()).toEqual([100, 100, 100]);
    pixels.unreadable.add(uid(1));
    pixels.strength = 0.5;
    await registry.repaint([series]);
    expect(shown()).toEqual([50, -1000, 50]);
    expect(registry.blankBecause(imageId(1))).toMatchObject({ notice: { code: 'source-unavailable' } });
    expect(registry.blankBecause(imageId(0))).toBeNull();

    pixels.unreadable.clear();
    pixels.strength = 1;
    await registry.repaint([series]);
    expect(shown()).toEqual([100, 100, 100]);
    expect(registry.blankBecause(imageId(1))).toBeNull();
  });

  test('what was painted before another call took over reaches the volumes', async () => {
    const { registry, series, pixels, renewedFrames, load, shown } = stage();
    for (let n = 0; n < COUNT; n++) await load(n);
    pixels.strength = 0.5;
    pixels.hold = true;
    const first = registry.repaint([series]);
    pixels.held.shift()!();
    // The first image has its pixels; the second one's are on their way when the slider comes back to the same place.
    await new Promise(resolve => setTimeout(resolve));
    pixels.hold = false;
    const second = registry.repaint([series]);
    pixels.held.splice(0).forEach(go => go());
    await Promise.all([first, second]);
    expect(shown()).toEqual([50, 50, 50]);
    expect(new Set(renewedFrames)).toEqual(new Set([0, 1, 2]));
  });

  test('an image that arrives after its series was closed is still an image', async () => {
    const { registry, series, pixels, load } = stage();
    pixels.hold = true;
    const late = load(0);
    await new Promise(resolve => setTimeout(resolve));
    registry.remove(series);
    pixels.held.forEach(go => go());
    await expect(late).resolves.toMatchObject({ rowPixelSpacing: 1 });
    expect(registry.size).toBe(0);
  });
});
