import { EXTENSION_ID } from './id';
import { getPanelModule } from './getPanelModule';
import { getToolbarModule } from './getToolbarModule';

/** OHIF extension: denoise the CT series in the active viewport, compare, save. */
const extension = {
  id: EXTENSION_ID,
  getPanelModule,
  getToolbarModule,
};

export default extension;
