import { describe } from '../src/notices';
import { DENOISE_EVALUATOR } from './id';
import type { SessionHolder } from './session/holder';

/** The Denoise button says why it is disabled: the verdict's first reason, and what to do. */
export function getToolbarModule(holder: SessionHolder) {
  const evaluate = ({ viewportId }: { viewportId?: string }) => {
    const active = holder.current?.seriesIn(viewportId ?? undefined);
    if (!active) return { disabled: true, disabledText: 'Open a CT series first.' };
    if (active.verdict.kind === 'refused') {
      const { happened, todo } = describe(active.verdict.reasons[0]!);
      return { disabled: true, disabledText: `${happened} ${todo}` };
    }
    return { disabled: false };
  };
  return [{ name: DENOISE_EVALUATOR, evaluate }];
}
