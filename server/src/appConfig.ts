export const PLUGIN_PATH = '/plugins/iscl-ct-denoise';
export const DICOMWEB_PATH = '/dicomweb';

/** OHIF's configuration (`window.config`) for a viewer, our plugin and a DICOMweb service on one origin. */
export function appConfig({ hasPlugin, isProxy }: { hasPlugin: boolean; isProxy: boolean }): string {
  const config = {
    name: 'ISCL CT Denoise',
    routerBasename: null,
    // OHIF >= 3.13 imports modules given by URL; see docs/install.md.
    extensions: hasPlugin ? [`${PLUGIN_PATH}/extension.js`] : [],
    modes: hasPlugin ? [`${PLUGIN_PATH}/mode.js`] : [],
    customizationService: {},
    showStudyList: true,
    maxNumberOfWebWorkers: 3,
    showWarningMessageForCrossOrigin: true,
    showCPUFallbackMessage: true,
    showLoadingIndicator: true,
    strictZSpacingForVolumeViewport: true,
    groupEnabledModesFirst: true,
    showErrorDetails: 'always',
    maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 25 },
    defaultDataSourceName: 'dicomweb',
    dataSources: [
      {
        namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
        sourceName: 'dicomweb',
        configuration: {
          friendlyName: isProxy ? 'PACS' : 'Folders on this computer',
          name: 'dicomweb',
          qidoRoot: DICOMWEB_PATH,
          wadoRoot: DICOMWEB_PATH,
          wadoUriRoot: DICOMWEB_PATH,
          qidoSupportsIncludeField: true,
          supportsReject: false,
          supportsFuzzyMatching: true,
          supportsWildcard: true,
          // Frames as they are stored: neither the embedded server nor Orthanc 1.10 draws thumbnails.
          imageRendering: 'wadors',
          thumbnailRendering: 'wadors',
          enableStudyLazyLoad: true,
          // Files dropped on the study list go to the store folder; a hospital's PACS gets only what a person stores on purpose.
          dicomUploadEnabled: !isProxy,
          omitQuotationForMultipartRequest: true,
          singlepart: 'bulkdata,video,pdf',
          bulkDataURI: { enabled: true, relativeResolution: 'studies' },
        },
      },
    ],
  };
  return `window.config = ${JSON.stringify(config, null, 2)};\n`;
}
