import { getCommandsModule } from './getCommandsModule';
import { getCustomizationModule } from './getCustomizationModule';
import { getHangingProtocolModule } from './getHangingProtocolModule';
import { getPanelModule } from './getPanelModule';
import { getToolbarModule } from './getToolbarModule';
import { EXTENSION_ID } from './id';
import type { ExtensionContext } from './ohif';
import { readSiteSettings, SITE_CUSTOMIZATION } from './session/site-settings';
import { SessionHolder } from './session/holder';
import { Session } from './session/session';

const holder = new SessionHolder();

/** OHIF extension: denoise the CT series in the active viewport, compare, save. */
const extension = {
  id: EXTENSION_ID,
  onModeEnter(context: ExtensionContext) {
    const { customizationService } = context.servicesManager.services;
    const site = readSiteSettings(customizationService.getCustomization(SITE_CUSTOMIZATION));
    holder.replace(new Session(context, site));
  },
  onModeExit() {
    holder.replace(null);
  },
  getCommandsModule: (context: ExtensionContext) => getCommandsModule(holder, context),
  getCustomizationModule,
  getHangingProtocolModule,
  getPanelModule: (context: ExtensionContext) => getPanelModule(holder, context),
  getToolbarModule: () => getToolbarModule(holder),
};

export default extension;
