import packageJson from '../package.json';

/** Extension id: OHIF's convention is the package name. */
export const EXTENSION_ID: string = packageJson.name;
export const VERSION: string = packageJson.version;
export const MODE_ID = `${EXTENSION_ID}-mode`;
export const MODE_ROUTE = 'low-dose-ct';
export const PROTOCOL_ID = `${EXTENSION_ID}/compare`;
export const PANEL_ID = `${EXTENSION_ID}.panelModule.denoise`;
/** Scheme of the image ids of derived slices. */
export const IMAGE_SCHEME = 'iscl';
/** On thumbnails, series lists and viewports of everything we made. */
export const LABEL = 'ISCL DENOISED, not for diagnostic use';
export const DIFFERENCE_LABEL = 'ISCL DIFFERENCE, not for diagnostic use';
/** Colour of warnings on images, thumbnails and the panel. */
export const WARNING_COLOUR = '#ffb020';
export const DENOISE_EVALUATOR = 'evaluate.iscl.denoise';
