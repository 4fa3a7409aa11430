/**
 * npm run bench borders [SERIES_FOLDER...]
 *
 * Does a derived series show where slabs end? For each series (default: all of ../shared/data/stacks) the mean absolute difference of neighbouring
 * slices inside slabs and across their borders, made by the command with the default model.
 */
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { denoisedStack } from './command';
import { slabBorders } from './measure';

const STACKS = '../shared/data/stacks';

export async function bordersPart(argv: readonly string[]): Promise<void> {
  const all = existsSync(STACKS) ? readdirSync(STACKS).map(name => join(STACKS, name)) : [];
  const folders = argv.length > 0 ? argv : all;
  if (folders.length === 0) throw new Error(`name a folder with a series; ${STACKS} is absent`);
  console.log('| series | slices | inside, HU | across, HU | step | removed alike inside | across |');
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const folder of folders) {
    const stack = await denoisedStack(folder, availableParallelism());
    const { inside, across, step, removedInside, removedAcross } = slabBorders(stack);
    const cells = [
      basename(folder),
      stack.original.length,
      inside.toFixed(1),
      across.toFixed(1),
      `${(100 * step).toFixed(1)} %`,
      removedInside.toFixed(2),
      removedAcross.toFixed(2),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}
