import type { DenoiseJobHandle, DenoiseJobOptions } from './types';

export declare class DenoiseJob implements DenoiseJobHandle {
  constructor(options: DenoiseJobOptions);
  readonly snapshot: DenoiseJobHandle['snapshot'];
  start: DenoiseJobHandle['start'];
  cancel: DenoiseJobHandle['cancel'];
  pause: DenoiseJobHandle['pause'];
  resume: DenoiseJobHandle['resume'];
  focus: DenoiseJobHandle['focus'];
  request: DenoiseJobHandle['request'];
  result: DenoiseJobHandle['result'];
  subscribe: DenoiseJobHandle['subscribe'];
  dispose: DenoiseJobHandle['dispose'];
}
