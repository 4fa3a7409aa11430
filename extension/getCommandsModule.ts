import { DenoiseError, describe } from '../src/notices';
import { STAGES, type StageId } from './getHangingProtocolModule';
import { PANEL_ID } from './id';
import type { ExtensionContext } from './ohif';
import type { SessionHolder } from './session/holder';
import type { Session } from './session/session';

/** Where commands of this extension live; OHIF searches all contexts when none is named. */
const CONTEXT = 'ISCL_DENOISE';

/**
 * Commands for the toolbar, hotkeys and other modes. Each does nothing outside a mode with this extension; what goes wrong is told
 * to the user and kept from the caller.
 */
export function getCommandsModule(holder: SessionHolder, { servicesManager }: ExtensionContext) {
  const { uiNotificationService, panelService } = servicesManager.services;

  const tell = (error: unknown) => {
    if (!(error instanceof DenoiseError)) throw error;
    const { happened, todo } = describe(error.notice);
    uiNotificationService.show({
      title: 'Denoise',
      message: `${happened} ${todo}`.trim(),
      type: 'error',
      duration: 8000,
    });
  };
  const command =
    <Options extends object>(act: (session: Session, options: Options) => unknown) =>
    async (options?: Options) => {
      const session = holder.current;
      if (!session) return undefined;
      try {
        return await act(session, options ?? ({} as Options));
      } catch (error) {
        return tell(error);
      }
    };

  const actions = {
    /** Denoise the series of the active viewport, or of `displaySetInstanceUID`; resumes what was paused or cancelled. */
    denoiseSeries: command(async (session, { displaySetInstanceUID }: { displaySetInstanceUID?: string }) => {
      try {
        return await session.start(displaySetInstanceUID);
      } finally {
        panelService.activatePanel(PANEL_ID, true);
      }
    }),
    pauseDenoise: command(session => session.pause()),
    cancelDenoise: command(session => session.cancel()),
    /** `strength` from 0 (original) to 1 (full). */
    setDenoiseStrength: command((session, { strength }: { strength: number }) =>
      session.setStrength(strength),
    ),
    /** `stage`: single, compare or review. */
    setDenoiseStage: command((session, { stage }: { stage: StageId }) => {
      if (!STAGES.includes(stage)) throw new RangeError(`no stage ${stage}`);
      session.setStage(stage);
    }),
    toggleDenoised: command(session => session.toggleOriginal()),
    /** Save the denoised series at its present strength; `target`: zip or folder. */
    saveDenoisedSeries: command((session, { target = 'zip' }: { target?: 'zip' | 'folder' }) =>
      session.saver[target](session.complete()),
    ),
    /** Store the denoised series at its present strength to the active data source. */
    storeDenoisedSeries: command(session => session.saver.store(session.complete())),
    closeDenoisedSeries: command(session => session.close()),
  };
  return {
    actions,
    definitions: Object.fromEntries(
      Object.entries(actions).map(([name, commandFn]) => [name, { commandFn }]),
    ),
    defaultContext: CONTEXT,
  };
}
