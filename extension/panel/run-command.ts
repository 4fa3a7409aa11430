/** Runs a command of this extension, which tells the user what goes wrong. */
export type RunCommand = (command: string, options?: Record<string, unknown>) => void;
