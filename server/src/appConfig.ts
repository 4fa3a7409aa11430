export const PLUGIN_PATH = '/plugins/iscl-ct-denoise';
export const DICOMWEB_PATH = '/dicomweb';

/** OHIF's configuration (`window.config`) for a viewer, our plugin and a DICOMweb service on one origin. */
export function appConfig({ hasPlugin, pacs }: { hasPlugin: boolean; pacs?: string | undefined }): string {
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
          friendlyName: pacs ? 'PACS' : 'Folders on this computer',
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
          dicomUploadEnabled: !pacs,
          omitQuotationForMultipartRequest: true,
          singlepart: 'bulkdata,video,pdf',
          // A PACS links to its own address, which another origin's page may not read: OHIF puts ours in its place.
          bulkDataURI: {
            enabled: true,
            relativeResolution: 'studies',
            ...(pacs && { startsWith: pacs.replace(/\/+$/, ''), prefixWith: DICOMWEB_PATH }),
          },
        },
      },
    ],
  };
  return `window.config = ${JSON.stringify(config, null, 2)};\n`;
}
