import { DenoiseError } from '../src/notices';
import { getCommandsModule } from './getCommandsModule';
import type { ExtensionContext } from './ohif';
import { SessionHolder } from './session/holder';

describe('commands', () => {
  const shown: { readonly message: string }[] = [];
  const services = {
    uiNotificationService: { show: (notification: (typeof shown)[0]) => shown.push(notification) },
    panelService: { activatePanel: () => undefined },
  };
  const holder = new SessionHolder();
  const { actions } = getCommandsModule(holder, {
    servicesManager: { services },
  } as unknown as ExtensionContext);
  const failing = (error: unknown) => {
    const fail = async () => Promise.reject(error);
    holder.replace({ start: fail, save: fail, saver: { discard: fail, resume: fail } } as never);
  };
  beforeEach(() => shown.splice(0));
  // The fake sessions have nothing to dispose of.
  beforeEach(() => Object.assign(holder, { session: null }));

  test.each([
    ['a refusal', new DenoiseError({ kind: 'refusal', code: 'no-archive' }), /no DICOMweb service/],
    ['a mistake', new TypeError('x is not a function'), /unexpected.*TypeError: x is not a function/],
    ['what is no error', 'no database here', /no database here/],
  ])('%s is told to the user, and rejects no promise', async (_, error, text) => {
    failing(error);
    await actions.discardDenoisedStore({ sessionId: '1' });
    await actions.storeDenoisedSeries();
    await actions.denoiseSeries();
    expect(shown.map(({ message }) => message)).toEqual(Array(3).fill(expect.stringMatching(text)));
  });

  test('options that no user can give are told to the caller', async () => {
    failing(null);
    await expect(actions.setDenoiseStage({ stage: 'quad' as never })).rejects.toThrow(RangeError);
    for (const strength of [-0.1, 1.1, Number.NaN]) {
      await expect(actions.setDenoiseStrength({ strength })).rejects.toThrow(RangeError);
    }
    expect(shown).toEqual([]);
  });

  test('without a session nothing happens', async () => {
    await expect(actions.closeDenoisedSeries()).resolves.toBeUndefined();
  });
});
