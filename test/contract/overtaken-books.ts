/**
 * A producer whose own write tells it that others have stopped it, before the signal does: what that write took along is in
 * what the host settles, since the host is told that it is.
 */
import type { GenerationJob, Hooks } from 'generation-jobs';
import type { ProducerCommit } from 'generation-jobs/ports';
import { lossyTransport, wrapStore } from 'generation-jobs/testing';
import { AT_ONCE_MS, type Contract, codeOf, type Harness, RENEWS_SELDOM, type Replica } from './harness.js';
import { expect } from './tools.js';

type Ended = Parameters<NonNullable<Hooks['settle']>>[0];

const STOPS: Record<string, (h: Harness, by: Replica, streamId: string) => Promise<unknown>> = {
  aborted: (_, by, streamId) => by.manager.abortJob(streamId),
  replaced: (h, by, streamId) => h.start(by, { streamId }),
};

/** What a producer writes of its record, one write each: of several, the last alone would be refused. */
const WRITES: Record<string, [(job: GenerationJob) => Promise<boolean>, usage: object, metadata: object]> = {
  usage: [(job) => job.addUsage({ tokens: 2 }), { tokens: 2 }, {}],
  metadata: [(job) => job.update({ metadata: { at: 'the stop' } }), {}, { at: 'the stop' }],
};

/** Ends of the producer's own that come too late, in one commit with what was written before them; none in the first. */
const OWN_ENDS: Record<string, ((job: GenerationJob) => Promise<unknown>) | undefined> = {
  alone: undefined,
  complete: (job) => job.complete(),
  fail: (job) => job.fail(new Error('x')),
  pause: (job) => job.pause({ type: 'checkpoint' }),
};

interface Round {
  readonly one: Replica;
  readonly seen: Ended[];
  /** Called before the next commit of a record's change reaches the store. */
  before: { stop: (() => Promise<unknown>) | undefined };
}

async function rounds(h: Harness): Promise<Round & { readonly two: Replica }> {
  const seen: Ended[] = [];
  const before: Round['before'] = { stop: undefined };
  const input = {
    hooks: { settle: (ended: Ended) => void seen.push(ended) },
    options: { ...RENEWS_SELDOM, leaveMs: 60_000, predecessorMs: 61_000 },
  };
  const one = await h.replica({
    ...input,
    // No signal arrives: the refusal is the first that the producer hears.
    wrapTransport: (transport, clock) => lossyTransport(transport, clock, { signal: () => true }),
    wrapStore: (store) =>
      wrapStore(store, async ({ method, args }, perform) => {
        const [commit] = args as [Partial<ProducerCommit>];
        const { stop } = before;
        if (method === 'commit' && commit.writer === 'producer' && commit.patch !== undefined && stop) {
          before.stop = undefined;
          await stop();
        }
        return perform();
      }),
  });
  return { one, two: await h.replica(input), seen, before };
}

export const overtakenContracts: readonly Contract[] = [
  {
    id: 'L58',
    title: 'what a write took along that was refused because of a stop is in what is settled',
    async run(h) {
      const { one, two, seen, before } = await rounds(h);
      for (const [reason, stop] of Object.entries(STOPS))
        for (const [what, [write, usage, metadata]] of Object.entries(WRITES))
          for (const [name, end] of Object.entries(OWN_ENDS)) {
            const streamId = `${reason}-${what}-${name}`;
            const job = await h.start(one, { streamId });
            before.stop = () => stop(h, two, streamId);
            const run = job.run(async () => {
              // While it is under way, what follows gathers and becomes one commit.
              void job.emit({ event: 'x', data: 1 });
              const written = write(job);
              const ended = end?.(job).then(() => 'it ended', codeOf);
              expect(await h.soon(written), streamId).toBe(true);
              expect(await ended, streamId).toBe(end && 'job_ended');
              expect(job.reason, streamId).toBe(reason);
              expect(seen, streamId).toHaveLength(0);
            });
            expect(await h.soon(run), streamId).toEqual({ reason });
            await h.until(() => seen.length > 0, `${streamId} is settled`, AT_ONCE_MS);
            expect(seen).toHaveLength(1);
            const [{ record, usage: settled }] = seen.splice(0) as [Ended];
            expect(settled, streamId).toEqual(usage);
            expect(record.metadata, streamId).toEqual(metadata);
            expect(record.producerLeft, streamId).toBe(true);
          }
    },
  },
];
