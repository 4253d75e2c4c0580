/**
 * A store that has lost something it had acknowledged: entries of logs, whole logs, snapshots. It answers as a store does
 * that has lost them: with what is left, and with nothing that says so.
 */
import type { LogEvent } from 'generation-jobs';
import type { JobStore, LogPage, ReadLogRequest } from 'generation-jobs/ports';
import { wrapStore } from 'generation-jobs/testing';

/** What is lost; a test changes it while the store is in use. */
export interface Damage {
  lost: (sequence: number) => boolean;
  snapshots: boolean;
}

export function noDamage(): Damage {
  return { lost: () => false, snapshots: false };
}

export function holeyStore(inner: JobStore, damage: Damage): JobStore {
  return wrapStore(inner, (call, perform) =>
    call.method === 'readLog' ? readWhatIsLeft(inner, call.args[0] as ReadLogRequest, damage) : perform(),
  );
}

async function readWhatIsLeft(
  inner: JobStore,
  request: ReadLogRequest,
  { lost, snapshots }: Damage,
): Promise<LogPage> {
  const asked = request.after === 'snapshot' && snapshots ? { ...request, after: 0 } : request;
  const page = await inner.readLog(asked);
  if (!page.found) return page;
  let events: readonly LogEvent[] = page.events.filter(({ sequence }) => !lost(sequence));
  let read = page.events.at(-1)?.sequence ?? page.lastSequence;
  while (events.length === 0 && read < page.lastSequence) {
    const more = await inner.readLog({ ...request, generation: page.generation, after: read });
    if (!more.found || more.events.length === 0) break;
    read = more.events.at(-1)?.sequence ?? read;
    events = more.events.filter(({ sequence }) => !lost(sequence));
  }
  return { ...page, events };
}
