/** A process that asks for a lock when it is told to, for lock.test.ts: processes with the same number are one holder. */
import { lockSeries } from '../../cli/lock';

process.on('message', ({ path, at }: { path: string; at: number }) => {
  // All ask in the same moment, whatever it took to tell them.
  while (Date.now() < at);
  lockSeries(path).then(
    () => process.send!('held'),
    (error: Error) => process.send!(error.name),
  );
});
process.send!('ready');
