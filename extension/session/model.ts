import type { Engine, ModelCard } from '../../src/engine';
import { DenoiseError, type Fault, type Refusal } from '../../src/notices';
import { idle } from '../idle';

/** The model of a session: its card, which is read at once, and the engine that runs it, which loads it in an idle moment or when needed. */
export class SessionModel {
  /** Null until it is read. */
  card: ModelCard | null = null;
  /** Why the card could not be read. */
  cardFault: Fault | Refusal | null = null;
  readonly engine: Engine;
  private warm = false;
  private disposed = false;

  constructor(
    createEngine: () => Engine,
    /** The card is there, or will not come. */
    private readonly changed: () => void,
  ) {
    this.engine = createEngine();
    void this.readCard();
  }

  /** Loads the model while the user looks at the first image, so that the first denoised slice does not wait for it. */
  warmUp(): void {
    if (this.warm) return;
    this.warm = true;
    // A fault is told by the run that needs the engine.
    void idle()
      .then(() => (this.disposed ? null : this.engine.prepare()))
      .catch(() => undefined);
  }

  async dispose(): Promise<void> {
    this.disposed = true;
    await this.engine.dispose();
  }

  private async readCard(): Promise<void> {
    try {
      this.card = await this.engine.card();
    } catch (error) {
      if (this.disposed) return;
      if (!(error instanceof DenoiseError)) throw error;
      this.cardFault = error.notice;
    }
    this.changed();
  }
}
