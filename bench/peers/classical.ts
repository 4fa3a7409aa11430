import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface Score {
  readonly psnrGain: number;
  readonly ssimGain: number;
  readonly rmse: number;
}

export interface Case {
  readonly file: string;
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
}

/** classical.py in a process of its own; one request at a time. */
export class Classical {
  private readonly child: ChildProcess;
  private readonly waiting: { done: (answer: unknown) => void; failed: (error: Error) => void }[] = [];

  constructor(threads: number) {
    const python = process.env['ISCL_PYTHON'] ?? 'python3';
    const count = String(threads);
    const env = { ...process.env, PYTHONPATH: `training/src:${process.env['PYTHONPATH'] ?? ''}` };
    Object.assign(env, { OMP_NUM_THREADS: count, NUMBA_NUM_THREADS: count });
    this.child = spawn(python, ['bench/peers/classical.py'], { stdio: ['pipe', 'pipe', 'inherit'], env });
    createInterface(this.child.stdout!).on('line', line => {
      const { error, ...answer } = JSON.parse(line) as { error?: string };
      const { done, failed } = this.waiting.shift()!;
      if (error) failed(new Error(error));
      else done(answer);
    });
    const end = (why: string) => this.waiting.splice(0).forEach(({ failed }) => failed(new Error(why)));
    this.child.once('error', error => end(`${python}: ${error.message}`));
    this.child.once('close', code => end(`${python} ended with ${String(code)}`));
  }

  async cases(pairs: string, split: string, count: number, out: string): Promise<Case[]> {
    return (await this.ask<{ cases: Case[] }>({ do: 'cases', pairs, split, count, out })).cases;
  }

  async denoise(method: string, index: number): Promise<number> {
    return (await this.ask<{ ms: number }>({ do: 'denoise', method, case: index })).ms;
  }

  /** Of a raw float32 file, or of what `denoise` gave last. */
  score(index: number, file: string | null): Promise<Score> {
    return this.ask({ do: 'score', case: index, file });
  }

  close(): void {
    this.child.stdin!.end();
  }

  private ask<Answer>(request: object): Promise<Answer> {
    return new Promise((done, failed) => {
      this.waiting.push({ done: done as (answer: unknown) => void, failed });
      this.child.stdin!.write(`${JSON.stringify(request)}\n`);
    });
  }
}
