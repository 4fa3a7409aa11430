/** Documented in docs/batch.md; a script may rely on them. */
export const EXIT = {
  /** Every accepted series is whole in its target (or, with --dry-run, would be tried). */
  done: 0,
  /** A defect of ours. */
  internal: 1,
  usage: 2,
  /** Nothing to do: every series was refused. */
  refused: 3,
  /** Some of it is missing; what is done is kept, and the same command does the rest. */
  incomplete: 4,
  /** The source cannot be read, or holds no DICOM image. */
  source: 5,
  /** The model or its provider cannot run here. */
  engine: 6,
  /** The target cannot be written at all. */
  target: 7,
  /** Images of the source are left out, and no further run can do them: several have one SOP Instance UID. All others are done. */
  conflict: 8,
  /** SIGINT or SIGTERM; what is done is kept, and the same command does the rest. */
  interrupted: 130,
} as const;
