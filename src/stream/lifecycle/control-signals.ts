/** Replicas tell each other something beside the log: each signal only makes quick what the store says as well. */
import type { ControlSignal } from '../interfaces/event-transport.js';
import type { Parts } from '../process/parts.js';
import type { LeaseKeeper } from '../producing/lease-keeper.js';
import type { Producers } from '../producing/producers.js';
import type { Reaper } from './reaper.js';

interface Hearers {
  readonly leases: Pick<LeaseKeeper, 'find' | 'check'>;
  readonly reaper: Pick<Reaper, 'heardOfHandOver' | 'heardOfRun'>;
  readonly producers: Pick<Producers, 'isDraining'>;
}

/** Hears the signals of other replicas; the returned function stops it. */
export function hearSignals(
  { background, transport }: Pick<Parts, 'background' | 'transport'>,
  { leases, reaper, producers }: Hearers,
): () => void {
  return transport.onSignal((signal: ControlSignal) => {
    const { key, generation, kind } = signal;
    // Who leaves goes on with nothing, its own jobs least of all.
    if (kind === 'handover') return producers.isDraining ? undefined : reaper.heardOfHandOver(key);
    if (kind === 'queued') return reaper.heardOfRun(key);
    const job = leases.find(key, generation);
    // What happened is asked of the store.
    if (job) background.run(leases.check(job));
  });
}
