export const say = line => console.log(`[setup] ${line}`);

/** What a person can act on; printed without a stack. */
export class SetupError extends Error {}
