import { DenoiseError, describe, type Fault, type Refusal } from '../src/notices';
import type { Services } from './ohif';

/** What a person is told of an error; an error that is not foreseen is told as such, with its message. */
export function noticeOf(error: unknown): Fault | Refusal {
  if (error instanceof DenoiseError) return error.notice;
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { kind: 'fault', code: 'internal', detail };
}

/** Shows an error as OHIF shows messages. */
export function tellUser({ uiNotificationService }: Services, error: unknown): void {
  const { happened, todo } = describe(noticeOf(error), () => 'a slice');
  uiNotificationService.show({
    title: 'Denoise',
    message: `${happened} ${todo}`.trim(),
    type: 'error',
    duration: 8000,
  });
}

/** The mode is left while a series is being saved. */
export function tellOfCutOffSave({ uiNotificationService }: Services): void {
  uiNotificationService.show({
    title: 'Saving was cut off',
    message:
      'The study was closed while a denoised series was being saved. What was already written stays; an unfinished store to the archive is offered when the study is opened again.',
    type: 'warning',
    duration: 15_000,
  });
}
