import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type Dialog, type Page } from 'playwright-core';
import { startServer, type RunningServer } from '../../server/src/index';
import { folderOf, STUDY } from './series';

/*
 * The built product in the prebuilt OHIF and the machine's Chromium. Nothing is mocked; routes are only used to make a server fail.
 */

/** npm runs every script, jest and tsx alike, in the root. */
const ROOT = process.cwd();
export const SHOTS = join(ROOT, 'test/screenshots');
export const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
export const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
];

export interface ViewerOptions {
  /** Part 10 files to serve. */
  readonly files?: readonly Buffer[];
  /** Folders to serve instead. */
  readonly folders?: readonly string[];
  /** DICOMweb root of a PACS to show instead, as `--pacs` does. */
  readonly pacs?: string;
  /** `iscl.denoise` in the viewer's configuration; wasm on one thread when left out, as it is the same everywhere. */
  readonly engine?: Record<string, unknown> | null;
  readonly isolation?: boolean;
  /** Let SwiftShader be the WebGPU adapter. */
  readonly webgpu?: boolean;
  /** Unpacked dist of another @ohif/app. */
  readonly viewer?: string;
  readonly size?: { readonly width: number; readonly height: number };
}

/** What OHIF and Chromium say that is not about us, with the reason. */
const HARMLESS: readonly { readonly text: RegExp; readonly why: string }[] = [
  { text: /favicon|manifest\.json.*icon/i, why: 'icons of the page' },
  { text: /GL Driver Message|GPU stall due to ReadPixels|WebGL/i, why: 'SwiftShader, a software renderer' },
  { text: /requesting to display \w+ displaySet that is not/, why: 'a stage shows what there is yet' },
];

export interface Problem {
  readonly kind: 'error' | 'pageerror';
  readonly text: string;
}

export class Viewer {
  readonly problems: Problem[] = [];
  private constructor(
    private running: RunningServer,
    private readonly serve: (port: number) => Promise<RunningServer>,
    readonly browser: Browser,
    readonly page: Page,
    private readonly folders: readonly string[],
  ) {}

  static async open(options: ViewerOptions = {}): Promise<Viewer> {
    for (const [needed, how] of [
      [CHROMIUM, 'install Chromium or set CHROMIUM_PATH'],
      [join(ROOT, 'dist/extension.js'), 'run `npm run build`'],
      [join(ROOT, '.cache/ohif'), 'run `npm start` once'],
    ] as const) {
      if (!existsSync(needed)) throw new Error(`${needed} is missing: ${how}.`);
    }
    const own = options.files ? [folderOf(options.files)] : [];
    const store = mkdtempSync(join(tmpdir(), 'iscl-store-'));
    const serve = (port: number) =>
      startServer({
        root: ROOT,
        dicom: [...own, ...(options.folders ?? [])],
        store,
        port,
        ...(options.pacs ? { pacs: { url: options.pacs } } : {}),
        ...(options.viewer ? { viewer: options.viewer } : {}),
        ...(options.isolation === undefined ? {} : { isolation: options.isolation }),
      });
    const server = await serve(0);
    await server.indexed();
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [...FLAGS, ...(options.webgpu ? ['--enable-unsafe-webgpu'] : [])],
    });
    const page = await browser.newPage({ viewport: options.size ?? { width: 1400, height: 850 } });
    const viewer = new Viewer(server, serve, browser, page, [...own, store]);
    await page.addInitScript(() => {
      // OHIF turns these into a message and keeps them from the console.
      window.addEventListener('unhandledrejection', ({ reason }) =>
        console.error(`unhandled rejection: ${reason?.stack ?? reason}`),
      );
      window.stacks = () =>
        (window.cornerstone?.getRenderingEngines() ?? [])
          .flatMap(engine => engine.getViewports())
          .filter(one => one.type === 'stack');
    });
    page.on('console', message => {
      if (message.type() === 'error') viewer.note('error', `${message.text()} (${message.location().url})`);
    });
    page.on('pageerror', error => viewer.note('pageerror', error.stack ?? error.message));
    const engine = options.engine === undefined ? { providers: ['wasm'], threads: 1 } : options.engine;
    if (engine) {
      await page.route('**/app-config.js', async route => {
        const response = await route.fetch();
        const body = `${await response.text()}\nwindow.config.customizationService = ${JSON.stringify({
          'iscl.denoise': engine,
        })};`;
        await route.fulfill({ response, body });
      });
    }
    return viewer;
  }

  get server(): RunningServer {
    return this.running;
  }

  /** The server goes away. */
  async stopServer(): Promise<void> {
    await this.running.close();
  }

  /** It comes back at the same address, over the same folders. */
  async restartServer(): Promise<void> {
    this.running = await this.serve(Number(new URL(this.running.url).port));
    await this.running.indexed();
  }

  private note(kind: Problem['kind'], text: string): void {
    if (!HARMLESS.some(one => one.text.test(text))) this.problems.push({ kind, text: text.slice(0, 600) });
  }

  /** Problems since the last call that `expected` does not explain. */
  takeProblems(expected?: RegExp): Problem[] {
    const taken = this.problems.splice(0);
    return expected ? taken.filter(({ text }) => !expected.test(text)) : taken;
  }

  /** Opens a study in our mode and waits for its first image. */
  async openStudy(study = STUDY, mode = 'low-dose-ct'): Promise<void> {
    await this.page.goto(`${this.server.url}${mode}?StudyInstanceUIDs=${study}`);
    await this.image('iscl-original');
    await this.hideBanner();
  }

  /** OHIF's own notice about investigational use; it covers a part of the page once a visit. */
  async hideBanner(): Promise<void> {
    const button = this.page.getByText('Confirm and hide');
    if (await button.isVisible()) await button.click();
  }

  /** Back to the study list, also from work that is not saved. */
  async leave(): Promise<void> {
    const accept = (dialog: Dialog) => void dialog.accept();
    this.page.on('dialog', accept);
    await this.cy('return-to-work-list').click();
    await this.page.getByText('Study List').first().waitFor();
    this.page.off('dialog', accept);
  }

  cy(name: string) {
    return this.page.locator(`[data-cy="${name}"]`);
  }

  /** Waits until a stack viewport shows an image; gives its id. */
  async image(viewportId: string, index?: number): Promise<string> {
    const shown = await this.page.waitForFunction(
      ([id, wanted]) => {
        const viewport = window.stacks().find(one => one.id === id);
        const image = viewport?.getCornerstoneImage?.();
        if (!viewport || !image || viewport.getCurrentImageId() !== image.imageId) return null;
        return wanted === undefined || viewport.getCurrentImageIdIndex() === wanted ? image.imageId : null;
      },
      [viewportId, index] as const,
      { timeout: 120_000 },
    );
    return (await shown.jsonValue()) as string;
  }

  /** HU of a viewport's present image, as the viewer holds them. */
  pixels(viewportId: string): Promise<number[]> {
    return this.page.evaluate(id => {
      const viewport = window.stacks().find(one => one.id === id)!;
      const image = viewport.getCornerstoneImage();
      const pixels = Array.from(image.getPixelData());
      return image.preScale?.scaled ? pixels : pixels.map(value => value * image.slope + image.intercept);
    }, viewportId);
  }

  scrollTo(viewportId: string, index: number): Promise<void> {
    return this.page.evaluate(
      ([id, slice]) => {
        const viewport = window.stacks().find(one => one.id === id)!;
        // Like a mouse wheel: nobody waits for the image.
        void viewport.setImageIdIndex(slice).catch(() => undefined);
      },
      [viewportId, index] as const,
    );
  }

  /** Descriptions of the series that hang, by viewport. */
  descriptions(): Promise<Record<string, string | undefined>> {
    return this.page.evaluate(() => {
      const { displaySetService, viewportGridService } = window.services;
      return Object.fromEntries(
        [...viewportGridService.getState().viewports.values()].map(
          ({ viewportId, displaySetInstanceUIDs }) => [
            viewportId,
            displaySetService
              .getActiveDisplaySets()
              .find(one => one.displaySetInstanceUID === displaySetInstanceUIDs[0])?.SeriesDescription,
          ],
        ),
      );
    });
  }

  sliceIn(viewportId: string): Promise<number> {
    return this.page.evaluate(
      id =>
        window
          .stacks()
          .find(one => one.id === id)!
          .getCurrentImageIdIndex(),
      viewportId,
    );
  }

  /** Presses Denoise in the panel and waits until all slices are done. */
  async denoise(): Promise<void> {
    await this.cy('iscl-denoise').click();
    await this.finished();
  }

  async finished(): Promise<void> {
    await this.page.waitForSelector('[data-cy="iscl-progress"][data-state="done"]', { timeout: 180_000 });
  }

  async setStrength(percent: number): Promise<void> {
    await this.cy('iscl-strength-slider').fill(String(percent));
    await this.page.waitForFunction(
      text => document.querySelector('[data-cy="iscl-strength-value"]')?.textContent === text,
      `${percent} %`,
    );
  }

  /** Share of the warning's colour in the upper part of a series' thumbnail in the study browser; null while it has no picture. */
  async warningOnThumbnail(description: string): Promise<number | null> {
    const image = this.cy('study-browser-thumbnail').filter({ hasText: description }).locator('img').first();
    if ((await image.count()) === 0) return null;
    return image.evaluate(async element => {
      const picture = element as HTMLImageElement;
      await picture.decode();
      const canvas = new OffscreenCanvas(picture.naturalWidth, Math.ceil(picture.naturalHeight / 4));
      const context = canvas.getContext('2d')!;
      context.drawImage(picture, 0, 0);
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      let coloured = 0;
      for (let i = 0; i < data.length; i += 4) if (data[i]! > 180 && data[i + 2]! < 80) coloured++;
      return (4 * coloured) / data.length;
    });
  }

  async shot(name: string): Promise<void> {
    mkdirSync(SHOTS, { recursive: true });
    const size = this.page.viewportSize()!;
    await this.page.screenshot({ path: join(SHOTS, `${name}-${size.width}x${size.height}.png`) });
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.server.close();
    for (const folder of this.folders) rmSync(folder, { recursive: true, force: true });
  }
}

interface TestImage {
  readonly imageId: string;
  readonly slope: number;
  readonly intercept: number;
  readonly preScale?: { readonly scaled?: boolean };
  getPixelData(): ArrayLike<number>;
}

interface TestViewport {
  readonly id: string;
  readonly type: string;
  getCurrentImageId(): string;
  getCurrentImageIdIndex(): number;
  getCornerstoneImage(): TestImage;
  setImageIdIndex(index: number): Promise<unknown>;
  getProperties(): {
    readonly voiRange: { readonly lower: number; readonly upper: number };
    readonly invert?: boolean;
  };
  getViewPresentation(): {
    readonly zoom: number;
    readonly pan: readonly number[];
    readonly rotation: number;
    readonly flipHorizontal: boolean;
  };
}

/** What OHIF leaves on its window; only the tests look there. */
declare global {
  interface Window {
    /** Put there by `Viewer.open`. */
    stacks: () => TestViewport[];
    readonly cornerstone: {
      getRenderingEngines(): { getViewports(): TestViewport[] }[] | undefined;
      readonly cache: {
        readonly _imageCache: Map<string, unknown>;
        getVolumes(): { readonly volumeId: string; readonly imageIds: readonly string[] }[];
        getImage(imageId: string): TestImage | undefined;
      };
    };
    readonly services: {
      readonly displaySetService: {
        getActiveDisplaySets(): {
          readonly SeriesDescription: string;
          readonly SeriesInstanceUID: string;
          readonly displaySetInstanceUID: string;
          readonly instances: readonly { readonly InstanceNumber: number | string }[];
        }[];
      };
      readonly cineService: {
        setIsCineEnabled(enabled: boolean): void;
        setCine(cine: {
          readonly id: string;
          readonly frameRate?: number;
          readonly isPlaying: boolean;
        }): void;
      };
      readonly viewportGridService: {
        getState(): {
          readonly viewports: ReadonlyMap<
            string,
            { readonly viewportId: string; readonly displaySetInstanceUIDs: readonly string[] }
          >;
        };
        setActiveViewportId(viewportId: string): void;
        setDisplaySetsForViewports(
          updates: { readonly viewportId: string; readonly displaySetInstanceUIDs: readonly string[] }[],
        ): void;
      };
    };
    readonly extensionManager: {
      getActiveDataSource(): {
        readonly retrieve: {
          readonly series: { metadata(query: { readonly StudyInstanceUID: string }): Promise<unknown> };
        };
      }[];
    };
    readonly commandsManager: { runCommand(name: string, options?: object): unknown };
  }
}
