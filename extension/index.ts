import { getCommandsModule } from './getCommandsModule';
import { getCustomizationModule } from './getCustomizationModule';
import { getHangingProtocolModule } from './getHangingProtocolModule';
import { getPanelModule } from './getPanelModule';
import { getToolbarModule } from './getToolbarModule';
import { EXTENSION_ID } from './id';
import type { ExtensionContext } from './ohif';
import { ENGINE_CUSTOMIZATION, type EngineChoice } from './session/engine';
import type { SessionHolder } from './session/holder';
import { Session } from './session/session';

const holder: SessionHolder = { current: null };

/** OHIF extension: denoise the CT series in the active viewport, compare, save. */
const extension = {
  id: EXTENSION_ID,
  onModeEnter(context: ExtensionContext) {
    void holder.current?.dispose();
    const { customizationService } = context.servicesManager.services;
    const choice = customizationService.getCustomization(ENGINE_CUSTOMIZATION) as EngineChoice | undefined;
    holder.current = new Session(context, choice ?? {});
  },
  onModeExit() {
    void holder.current?.dispose();
    holder.current = null;
  },
  getCommandsModule: (context: ExtensionContext) => getCommandsModule(holder, context),
  getCustomizationModule,
  getHangingProtocolModule,
  getPanelModule: (context: ExtensionContext) => getPanelModule(holder, context),
  getToolbarModule: () => getToolbarModule(holder),
};

export default extension;
