import { DENOISE_EVALUATOR, MODE_ID, MODE_ROUTE, PANEL_ID, PROTOCOL_ID } from '../../extension/id';

/** What we read of OHIF's basic mode; the rest is passed on unseen. */
interface BasicMode {
  readonly modeInstance: Record<string, unknown> & {
    readonly routes: readonly (Record<string, unknown> & {
      readonly layoutInstance: {
        readonly id: string;
        readonly props: Record<string, unknown> & { readonly rightPanels: readonly string[] };
      };
    })[];
    readonly toolbarButtons: readonly unknown[];
    onModeEnter(this: unknown, context: ModeContext): void;
  };
}

interface ToolbarService {
  readonly sections: { readonly primary: string };
  getButtonSection(section: string): readonly { readonly id: string }[];
  clearButtonSection(section: string): void;
  updateSection(section: string, buttonIds: string[]): void;
}

interface ModeContext {
  readonly servicesManager: { readonly services: { readonly toolbarService: ToolbarService } };
}

const DENOISE_BUTTON = {
  id: 'Denoise',
  uiType: 'ohif.toolButton',
  props: {
    icon: 'actions-smooth',
    label: 'Denoise',
    tooltip: 'Denoise this CT series (shift+D)',
    commands: 'denoiseSeries',
    evaluate: DENOISE_EVALUATOR,
  },
};

/**
 * OHIF's basic viewer with the denoising tools added. It composes the stock mode at run time instead of copying it, so a
 * hospital's viewer keeps its own tools and their behaviour.
 */
const mode = {
  id: MODE_ID,
  async modeFactory({ loadModules }: { loadModules: (names: string[]) => Promise<unknown[]> }) {
    const [basic] = (await loadModules(['@ohif/mode-basic'])) as [BasicMode];
    const { modeInstance } = basic;
    const [route] = modeInstance.routes;
    if (!route) throw new Error(`${MODE_ID}: @ohif/mode-basic has no route to extend`);
    const { layoutInstance } = route;
    return {
      ...modeInstance,
      id: MODE_ID,
      routeName: MODE_ROUTE,
      displayName: 'Low-dose CT',
      hide: false,
      hangingProtocol: PROTOCOL_ID,
      isValidMode: ({ modalities }: { modalities: string }) => ({
        valid: modalities.split('\\').includes('CT'),
        description: 'Low-dose CT needs a study with CT images.',
      }),
      toolbarButtons: [...modeInstance.toolbarButtons, DENOISE_BUTTON],
      routes: [
        {
          ...route,
          path: MODE_ROUTE,
          layoutInstance: {
            ...layoutInstance,
            props: {
              ...layoutInstance.props,
              rightPanels: [PANEL_ID, ...layoutInstance.props.rightPanels],
              rightPanelClosed: false,
            },
          },
        },
      ],
      onModeEnter(context: ModeContext) {
        modeInstance.onModeEnter.call(this, context);
        const { toolbarService } = context.servicesManager.services;
        const section = toolbarService.sections.primary;
        // updateSection appends to the array it was first given, which all modes share: start a fresh one.
        const ids = toolbarService.getButtonSection(section).map(button => button.id);
        toolbarService.clearButtonSection(section);
        toolbarService.updateSection(section, [...ids, DENOISE_BUTTON.id]);
      },
    };
  },
};

export default mode;
