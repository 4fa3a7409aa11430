import type { ExtensionContext } from './ohif';
import { PANEL_ID } from './id';
import { STAGES, type StageId } from './stages';
import { tellUser } from './tell';
import type { WantedStrength } from './session/guard';
import type { ReportFormat } from './session/quality-report';
import type { SaveTarget } from './session/save-state';
import type { SessionHolder } from './session/holder';
import type { Session } from './session/session';

/** Where commands of this extension live; OHIF searches all contexts when none is named. */
const CONTEXT = 'ISCL_DENOISE';

/** Options that no user can have caused: the caller gets this error, and no message is shown. */
function requireOption(valid: boolean, message: string): void {
  if (!valid) throw new RangeError(message);
}

/**
 * Commands for the panel, the toolbar, hotkeys and other modes. Each does nothing outside a mode with this extension. What goes wrong is
 * told to the user and kept from the caller.
 */
export function getCommandsModule(holder: SessionHolder, { servicesManager }: ExtensionContext) {
  const { services } = servicesManager;

  const command =
    <Options extends object>(
      act: (session: Session, options: Options) => unknown,
      check?: (options: Options) => void,
    ) =>
    async (given?: Options) => {
      const session = holder.current;
      if (!session) return undefined;
      const options = given ?? ({} as Options);
      check?.(options);
      try {
        return await act(session, options);
      } catch (error) {
        return tellUser(services, error);
      }
    };

  const actions = {
    /** Denoise the series of the active viewport, or of `displaySetInstanceUID`; resumes what was paused or cancelled. */
    denoiseSeries: command(async (session, { displaySetInstanceUID }: { displaySetInstanceUID?: string }) => {
      try {
        return await session.start(displaySetInstanceUID);
      } finally {
        services.panelService.activatePanel(PANEL_ID, true);
      }
    }),
    pauseDenoise: command(session => session.pause()),
    cancelDenoise: command(session => session.cancel()),
    /** `strength` from 0 (original) to 1 (full). */
    setDenoiseStrength: command(
      (session, { strength }: { strength: number }) => session.setStrength(strength),
      ({ strength }) =>
        requireOption(strength >= 0 && strength <= 1, `strength ${strength} is not within 0 and 1`),
    ),
    /** Download the quality report of the active series at its present strength; `format`: html (prints) or json. */
    saveDenoiseReport: command(
      (session, { format = 'html' }: { format?: ReportFormat }) => session.saveReport(format),
      ({ format = 'html' }) => requireOption(['html', 'json'].includes(format), `no format ${format}`),
    ),
    /** `noiseHu`: noise wanted in soft tissue; or `detectability`: least d' of the guard's lesions over the original's, 0 to 1. */
    setDenoiseStrengthFor: command(
      (session, wanted: WantedStrength) => session.setStrengthFor(wanted),
      wanted =>
        requireOption(
          'noiseHu' in wanted ? wanted.noiseHu >= 0 : wanted.detectability >= 0 && wanted.detectability <= 1,
          'neither noiseHu nor detectability within their ranges',
        ),
    ),
    /** `stage`: single, compare or review; of the active viewport's series, or of `displaySetInstanceUID`, live or stored. */
    setDenoiseStage: command(
      (session, { stage, displaySetInstanceUID }: { stage: StageId; displaySetInstanceUID?: string }) =>
        session.setStage(stage, displaySetInstanceUID),
      ({ stage }) => requireOption(STAGES.includes(stage), `no stage ${stage}`),
    ),
    toggleDenoised: command(session => session.toggleOriginal()),
    /** Save the denoised series at its present strength; `target`: zip or folder. */
    saveDenoisedSeries: command((session, { target = 'zip' }: { target?: SaveTarget }) =>
      session.save(target),
    ),
    /** Store the denoised series at its present strength to the active data source. */
    storeDenoisedSeries: command(session => session.save('store')),
    /** Stop the save or store that is under way. */
    cancelDenoisedSave: command(session => session.saver.cancel()),
    /** What was told of the last save has been read. */
    dismissDenoisedSave: command(session => session.saver.dismiss()),
    /** Send the rest of a store that an earlier visit left unfinished; `sessionId` as the panel's snapshot lists it. */
    resumeDenoisedStore: command((session, { sessionId }: { sessionId: string }) =>
      session.saver.resume(sessionId),
    ),
    /** Forget such a store; what the archive already has stays there. */
    discardDenoisedStore: command((session, { sessionId }: { sessionId: string }) =>
      session.saver.discard(sessionId),
    ),
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
