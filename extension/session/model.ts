import { judgeField, judgeSeries, type Verdict } from '../../src/ct';
import type { Engine, ModelCard } from '../../src/engine';
import { DenoiseError, type Fault, type Refusal } from '../../src/notices';
import { idle } from '../idle';
import type { DisplaySet } from '../ohif';
import { isOfFile, type FileHeaders } from '../files';
import { instancesOf, type OhifSlice } from '../source';

/** The card is there, or will not come; verdicts may be others from now on. */
export interface ModelEvent {
  readonly kind: 'model';
}

/**
 * The model of a session: its card, which is read at once and says for which series it was trained; and the engine that runs it, which loads
 * it in an idle moment or when needed.
 */
export class SessionModel {
  /** Null until it is read. */
  card: ModelCard | null = null;
  /** Why the card could not be read. */
  cardFault: Fault | Refusal | null = null;
  readonly engine: Engine;
  private readonly verdicts = new Map<string, Verdict>();
  private warm = false;
  private readonly disposal = new AbortController();

  constructor(
    createEngine: () => Engine,
    private readonly slicesOf: (displaySet: DisplaySet) => readonly OhifSlice[],
    private readonly files: FileHeaders,
    private readonly emit: (event: ModelEvent) => void,
  ) {
    this.engine = createEngine();
    void this.readCard();
  }

  /**
   * May this series be denoised? Until the card is read, nothing lies outside the model's domain. What the images themselves show follows with an
   * event.
   */
  judge(displaySet: DisplaySet): Verdict {
    const key = displaySet.displaySetInstanceUID;
    const known = this.verdicts.get(key);
    if (known) return known;
    const verdict = this.judgeHeaders(displaySet);
    this.verdicts.set(key, verdict);
    if (this.card) void this.look(displaySet, this.card);
    return verdict;
  }

  /** The verdict by the files, where the data source only lists them: its list may lack what they hold, or say something else. */
  async judgeFiles(displaySet: DisplaySet): Promise<Verdict> {
    if (await this.files.load(this.slicesOf(displaySet))) {
      this.verdicts.set(displaySet.displaySetInstanceUID, this.judgeHeaders(displaySet));
      this.emit({ kind: 'model' });
    }
    return this.judge(displaySet);
  }

  private judgeHeaders(displaySet: DisplaySet): Verdict {
    const instances = instancesOf(displaySet).map(instance => this.files.of(instance));
    return judgeSeries(instances, this.card?.domain ?? null, this.card?.slab);
  }

  /** The files, and the images, in an idle moment: header or no header, a head is no trunk. */
  private async look(displaySet: DisplaySet, { domain }: ModelCard): Promise<void> {
    await idle();
    const { signal } = this.disposal;
    if (signal.aborted) return;
    const slices = this.slicesOf(displaySet);
    const verdict = slices.some(({ imageId }) => isOfFile(imageId))
      ? await this.judgeFiles(displaySet)
      : this.judge(displaySet);
    if (signal.aborted || verdict.kind === 'refused') return;
    const shown = await judgeField(this.slicesOf(displaySet), domain, signal).catch(() => []);
    if (signal.aborted || shown.length === 0) return;
    const key = displaySet.displaySetInstanceUID;
    this.verdicts.set(key, { ...verdict, warnings: [...verdict.warnings, ...shown] });
    this.emit({ kind: 'model' });
  }

  /** Loads the model while the user looks at the first image, so that the first denoised slice does not wait for it. */
  warmUp(): void {
    if (this.warm) return;
    this.warm = true;
    // A fault is told by the run that needs the engine.
    void idle()
      .then(() => (this.disposal.signal.aborted ? null : this.engine.prepare()))
      .catch(() => undefined);
  }

  async dispose(): Promise<void> {
    this.disposal.abort();
    await this.engine.dispose();
  }

  private async readCard(): Promise<void> {
    try {
      this.card = await this.engine.card();
    } catch (error) {
      if (this.disposal.signal.aborted) return;
      if (!(error instanceof DenoiseError)) throw error;
      this.cardFault = error.notice;
    }
    this.verdicts.clear();
    this.emit({ kind: 'model' });
  }
}
