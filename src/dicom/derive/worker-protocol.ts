import type { Fault, Refusal } from '../../notices';
import type { PreparedSource } from './derive';
import type { DerivedInstance, DeriveSettings } from './types';

/** Handle to worker. The buffer of `hu` is transferred. */
export interface DeriveRequest {
  readonly id: number;
  readonly prepared: PreparedSource;
  readonly input: DeriveSettings;
}

/** Worker to handle; answers come in any order. The buffer of `part10` is transferred. */
export type DeriveResponse =
  | { readonly id: number; readonly derived: DerivedInstance }
  | { readonly id: number; readonly notice: Fault | Refusal; readonly detail: string }
  | { readonly id: number; readonly rangeError: string };
