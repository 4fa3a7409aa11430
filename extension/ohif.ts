/**
 * The part of OHIF's services that we use, as seen in 3.13 and 3.14. @ohif/core publishes no types for the prebuilt viewer, and a
 * name that is not listed here is a name we do not depend on.
 */
import type * as core from '@cornerstonejs/core';
import type * as tools from '@cornerstonejs/tools';
import type { NaturalizedInstance } from '../src/ct';

export interface Subscription {
  unsubscribe(): void;
}

interface PubSub<Events extends string> {
  readonly EVENTS: Readonly<Record<Events, string>>;
  subscribe(event: string, callback: (detail: never) => void): Subscription;
}

/** Instance metadata as OHIF keeps it; `imageId` and `url` are not enumerable. */
export type OhifInstance = NaturalizedInstance & { readonly imageId?: string };

export interface DisplaySet {
  readonly displaySetInstanceUID: string;
  readonly StudyInstanceUID: string;
  readonly SeriesInstanceUID: string;
  readonly SeriesNumber?: number;
  readonly SeriesDescription?: string;
  readonly Modality?: string;
  readonly isReconstructable?: boolean;
  readonly unsupported?: boolean;
  /** Instances in display order; absent for display sets without images. */
  readonly instances?: readonly OhifInstance[];
  readonly images?: readonly OhifInstance[];
  readonly imageIds?: readonly string[];
  /** Makes the picture of the study browser: the URL of an image. */
  getThumbnailSrc?: (options?: unknown) => string | null | undefined | Promise<string | null | undefined>;
}

export interface DisplaySetService extends PubSub<
  'DISPLAY_SETS_ADDED' | 'DISPLAY_SETS_REMOVED' | 'DISPLAY_SETS_CHANGED'
> {
  getActiveDisplaySets(): DisplaySet[];
  getDisplaySetByUID(uid: string): DisplaySet | undefined;
  getDisplaySetsForSeries(seriesInstanceUid: string): DisplaySet[];
  deleteDisplaySet(uid: string): void;
  makeDisplaySets(
    instances: OhifInstance[],
    options: { madeInClient?: boolean; settings?: Record<string, unknown> },
  ): DisplaySet[] | undefined;
}

export interface GridViewport {
  readonly viewportId: string;
  readonly displaySetInstanceUIDs?: readonly string[];
}

export interface ViewportGridService extends PubSub<
  'ACTIVE_VIEWPORT_ID_CHANGED' | 'GRID_STATE_CHANGED' | 'VIEWPORTS_READY'
> {
  getActiveViewportId(): string | null;
  getDisplaySetsUIDsForViewport(viewportId: string): string[] | undefined;
  getState(): {
    readonly viewports: ReadonlyMap<string, GridViewport>;
    readonly activeViewportId: string | null;
  };
  setDisplaySetsForViewports(updates: { viewportId: string; displaySetInstanceUIDs: string[] }[]): void;
}

/** A study as far as the hanging protocol needs to know it. */
export interface Study {
  readonly StudyInstanceUID: string;
}

export interface HangingProtocolService extends PubSub<'PROTOCOL_CHANGED'> {
  readonly studies?: readonly Study[];
  getActiveProtocol(): {
    readonly protocol?: { readonly id: string };
    readonly stage?: { readonly id: string };
    readonly activeStudy?: Study;
  };
  addCustomAttribute(id: string, name: string, callback: (subject: never) => unknown): void;
  run(
    subject: { studies: readonly Study[]; activeStudy: Study; displaySets: DisplaySet[] },
    protocolId: string,
    options: { stageId: string },
  ): void;
}

export interface DataSource {
  getConfig?(): {
    readonly name?: string;
    readonly qidoRoot?: string;
    readonly wadoRoot?: string;
    readonly stowRoot?: string;
    readonly friendlyName?: string;
  };
  getImageIdsForDisplaySet(displaySet: DisplaySet): string[];
  deleteStudyMetadataPromise?(studyInstanceUid: string): void;
  /** Sends an instance to the archive: a naturalised dataset, or Part 10 bytes. */
  readonly store?: { dicom(dataset: unknown, ...others: unknown[]): Promise<unknown> };
  readonly retrieve: {
    readonly series: {
      metadata(query: {
        StudyInstanceUID: string;
        filters?: Record<string, unknown>;
        madeInClient?: boolean;
      }): Promise<unknown>;
    };
  };
}

export interface Services {
  readonly displaySetService: DisplaySetService;
  readonly viewportGridService: ViewportGridService;
  readonly hangingProtocolService: HangingProtocolService;
  readonly toolbarService: { refreshToolbarState(props: { viewportId: string | null }): void };
  readonly cornerstoneViewportService: PubSub<'VIEWPORT_DATA_CHANGED'>;
  readonly cornerstoneCacheService?: {
    readonly stackImageIds?: Map<string, unknown>;
    readonly volumeImageIds?: Map<string, unknown>;
  };
  readonly customizationService: {
    getCustomization(name: string): unknown;
    setCustomizations(customizations: Record<string, unknown>): void;
  };
  readonly uiNotificationService: {
    show(notification: {
      id?: string;
      title: string;
      message: string;
      type?: 'info' | 'success' | 'warning' | 'error' | 'loading';
      duration?: number;
      autoClose?: boolean;
    }): void;
    hide(id: string): void;
  };
  readonly userAuthenticationService: { getAuthorizationHeader(): Record<string, string> | undefined };
  readonly panelService: { activatePanel(panelId: string, forceActive?: boolean): void };
}

export interface ExtensionManager {
  getModuleEntry(id: string): { readonly exports: { getCornerstoneLibraries(): CornerstoneLibraries } };
  getActiveDataSource(): readonly DataSource[];
}

export interface CommandsManager {
  runCommand(name: string, options?: Record<string, unknown>): unknown;
}

export interface ServicesManager {
  readonly services: Services;
}

/** What OHIF hands to every module getter and life-cycle hook of an extension. */
export interface ExtensionContext {
  readonly servicesManager: ServicesManager;
  readonly extensionManager: ExtensionManager;
  readonly commandsManager: CommandsManager;
}

export interface CornerstoneLibraries {
  readonly cornerstone: typeof core;
  readonly cornerstoneTools: typeof tools;
}

/** The host's own Cornerstone: a second copy would have its own cache and see none of the viewports. */
export function cornerstoneOf(extensionManager: ExtensionManager): CornerstoneLibraries {
  return extensionManager
    .getModuleEntry('@ohif/extension-cornerstone.utilityModule.common')
    .exports.getCornerstoneLibraries();
}
