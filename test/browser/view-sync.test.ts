import { ctSeries } from './series';
import { Viewer } from './viewer';

interface Look {
  readonly zoom: string;
  readonly pan: readonly string[];
  readonly rotation: number;
  readonly flipped: boolean;
  readonly window: readonly [width: number, center: number];
}

/** Zoom, pan, rotation and window of a comparison: the same in all its viewports, whatever was done before and in which of them. */
describe('the viewports of a comparison', () => {
  let viewer: Viewer;
  beforeAll(async () => {
    viewer = await Viewer.open({
      files: [
        ...ctSeries(),
        ...ctSeries({ series: '2.25.4799', seed: 2, number: 2, description: 'Another series' }),
      ],
    });
    await viewer.openStudy();
  });
  afterAll(() => viewer?.close());
  afterEach(() => expect(viewer.takeProblems()).toEqual([]));

  const looks = (): Promise<Record<string, Look>> =>
    viewer.page.evaluate(() =>
      Object.fromEntries(
        window.stacks().map(viewport => {
          const { voiRange } = viewport.getProperties();
          const { zoom, pan, rotation, flipHorizontal } = viewport.getViewPresentation();
          const width = Math.round(voiRange.upper - voiRange.lower);
          return [
            viewport.id,
            {
              zoom: zoom.toFixed(3),
              pan: pan.map(shift => shift.toFixed(1)),
              rotation,
              flipped: flipHorizontal,
              window: [width, Math.round((voiRange.upper + voiRange.lower) / 2) || 0] as const,
            },
          ];
        }),
      ),
    );

  /** A drag with the left button, by which OHIF's active tool works; in a viewport that is not active OHIF takes it for a click. */
  async function drag(viewportId: string, tool: 'WindowLevel' | 'Zoom' | 'Pan'): Promise<void> {
    const { page } = viewer;
    await page.evaluate(
      ([id, toolName]) => {
        window.services.viewportGridService.setActiveViewportId(id);
        window.commandsManager.runCommand('setToolActive', { toolName, toolGroupId: 'default' });
      },
      [viewportId, tool] as const,
    );
    await page.waitForTimeout(300);
    const box = (await page.locator(`[data-viewport-uid="${viewportId}"]`).boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + box.height * 0.6];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + 30, y + 25, { steps: 4 });
    await page.mouse.up();
    // Longer than a double click takes, which OHIF answers with another layout.
    await page.waitForTimeout(600);
  }

  const run = (command: string, options: object) =>
    viewer.page.evaluate(([name, given]) => window.commandsManager.runCommand(name, given), [
      command,
      options,
    ] as const);

  it('start with the zoom, pan and window the original had', async () => {
    await drag('iscl-original', 'Zoom');
    await drag('iscl-original', 'Pan');
    await drag('iscl-original', 'WindowLevel');
    const before = (await looks())['iscl-original']!;
    expect(before.zoom).not.toBe('1.000');
    expect(before.window).not.toEqual([399, 40]);
    await viewer.denoise();
    await viewer.image('iscl-denoised');
    await viewer.page.waitForTimeout(500);
    expect((await looks())['iscl-denoised']).toEqual((await looks())['iscl-original']);
    expect((await looks())['iscl-original']).toMatchObject({ zoom: before.zoom, window: before.window });
  });

  it.each([
    ['iscl-original', 'iscl-denoised'],
    ['iscl-denoised', 'iscl-original'],
  ] as const)('follow what is done in %s', async (moved, other) => {
    for (const tool of ['WindowLevel', 'Zoom', 'Pan'] as const) {
      const before = (await looks())[moved]!;
      await drag(moved, tool);
      const after = await looks();
      expect(after[moved]).not.toEqual(before);
      expect(after[other]).toEqual(after[moved]);
    }
    await run('setWindowLevel', { windowWidth: 1500, windowCenter: -600, viewportId: moved });
    expect((await looks())[other]!.window).toEqual([1499, -600]);
  });

  it('turn and flip together', async () => {
    await run('rotateViewportCW', {});
    await run('flipViewportHorizontal', {});
    await viewer.page.waitForTimeout(300);
    const turned = await looks();
    expect(turned['iscl-original']).toMatchObject({ flipped: true });
    expect(turned['iscl-original']!.rotation).not.toBe(0);
    expect(turned['iscl-denoised']).toEqual(turned['iscl-original']);
    await run('resetViewport', {});
    await viewer.page.waitForTimeout(300);
    const reset = await looks();
    expect(reset['iscl-original']).toMatchObject({ flipped: false, rotation: 0, zoom: '1.000' });
    expect(reset['iscl-denoised']).toEqual(reset['iscl-original']);
  });

  it('are inverted together', async () => {
    const inverted = () =>
      viewer.page.evaluate(() => window.stacks().map(viewport => viewport.getProperties().invert ?? false));
    for (const expected of [true, false]) {
      await run('invertViewport', {});
      await viewer.page.waitForTimeout(500);
      expect(await inverted()).toEqual([expected, expected]);
    }
  });

  it("follow OHIF's own keys for the stages, and the panel says which one hangs", async () => {
    const says = (stage: string) =>
      viewer.page.locator('[aria-pressed="true"]', { hasText: stage }).waitFor();
    await viewer.page.locator('[data-viewport-uid="iscl-original"]').click({ position: { x: 60, y: 400 } });
    await viewer.page.keyboard.press('.');
    await viewer.image('iscl-difference');
    await says('Review');
    await viewer.page.keyboard.press(',');
    await viewer.page.waitForFunction(() => window.stacks().length === 2);
    await viewer.image('iscl-denoised');
    await says('Compare');
    await viewer.page.waitForTimeout(800);
    expect((await looks())['iscl-denoised']).toEqual((await looks())['iscl-original']);
  });

  it('stay together through the stages; the difference has a window of its own', async () => {
    await run('setWindowLevel', { windowWidth: 350, windowCenter: 50, viewportId: 'iscl-original' });
    await drag('iscl-original', 'Zoom');
    await viewer.cy('iscl-stage-review').click();
    await viewer.image('iscl-difference');
    await viewer.page.waitForTimeout(800);
    const {
      'iscl-original': original,
      'iscl-denoised': denoised,
      'iscl-difference': difference,
    } = await looks();
    expect(denoised).toEqual(original);
    expect(difference).toMatchObject({ zoom: original!.zoom, pan: original!.pan });
    expect(original!.window).toEqual([349, 50]);
    expect(difference!.window[1]).toBe(0);
    await drag('iscl-difference', 'WindowLevel');
    const after = await looks();
    expect(after['iscl-difference']!.window).not.toEqual(difference!.window);
    expect(after['iscl-original']!.window).toEqual([349, 50]);
    expect(after['iscl-denoised']!.window).toEqual([349, 50]);

    await viewer.cy('iscl-stage-single').click();
    await viewer.page.waitForFunction(() => window.stacks().length === 1);
    await viewer.page.waitForTimeout(500);
    await drag('iscl-original', 'WindowLevel');
    const single = (await looks())['iscl-original']!;
    expect(single.window).not.toEqual([349, 50]);
    await viewer.page.keyboard.press('o');
    await viewer.page.waitForFunction(() =>
      window.stacks().some(one => one.getCurrentImageId()?.startsWith('iscl:denoised')),
    );
    await viewer.page.waitForTimeout(500);
    expect((await looks())['iscl-original']).toEqual(single);
    await viewer.cy('iscl-stage-compare').click();
    await viewer.image('iscl-denoised');
    await viewer.page.waitForTimeout(800);
    const compared = await looks();
    expect(compared['iscl-denoised']!.window).toEqual(single.window);
    expect(compared['iscl-denoised']).toEqual(compared['iscl-original']);
  });

  it('are together again after MPR', async () => {
    await run('setHangingProtocol', { protocolId: 'mpr' });
    await viewer.page.waitForFunction(() => window.stacks().length === 0, undefined, { timeout: 60_000 });
    await viewer.page.waitForTimeout(2000);
    await viewer.cy('iscl-stage-compare').click();
    await viewer.image('iscl-denoised');
    await viewer.image('iscl-original');
    await viewer.page.waitForTimeout(1000);
    await drag('iscl-denoised', 'WindowLevel');
    const after = await looks();
    expect(after['iscl-denoised']).toEqual(after['iscl-original']);
  });

  it('leave another series alone', async () => {
    await viewer.cy('iscl-stage-compare').click();
    await viewer.page.waitForTimeout(500);
    await run('setWindowLevel', { windowWidth: 2000, windowCenter: 500, viewportId: 'iscl-original' });
    await viewer.page.evaluate(() => {
      const { displaySetService, viewportGridService } = window.services;
      const other = displaySetService
        .getActiveDisplaySets()
        .find(one => one.SeriesDescription === 'Another series')!;
      viewportGridService.setDisplaySetsForViewports([
        { viewportId: 'iscl-denoised', displaySetInstanceUIDs: [other.displaySetInstanceUID] },
      ]);
    });
    await viewer.page.waitForFunction(() =>
      window.stacks().some(one => one.id === 'iscl-denoised' && !one.getCurrentImageId().startsWith('iscl:')),
    );
    await viewer.page.waitForTimeout(1000);
    expect((await looks())['iscl-denoised']!.window).toEqual([399, 40]);
    expect((await looks())['iscl-original']!.window).toEqual([1999, 500]);
    await drag('iscl-denoised', 'WindowLevel');
    expect((await looks())['iscl-original']!.window).toEqual([1999, 500]);
  });
});
