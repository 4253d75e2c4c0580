/**
 * A crash at any moment: whatever was begun is found within its deadline, by whoever is left.
 */
import type { GenerationJob, JobRecord } from 'generation-jobs';
import { streamKey } from 'generation-jobs/ports';
import { wrapStore } from 'generation-jobs/testing';
import { text } from './follower.js';
import { type Contract, type Harness, isTerminal, type Replica, SWEEPS_SELDOM, TIMES } from './harness.js';
import { expect } from './tools.js';

export const crashContracts: readonly Contract[] = [
  ...(['create', 'replace', 'pause', 'resolve', 'complete', 'abort', 'expire'] as const).map(
    (act): Contract => ({
      id: 'L52 P5',
      title: `a crash at any store call of ${act}, before or after it is performed, is found in time`,
      timesLapse: true,
      run: (h) => crashEverywhere(h, act),
    }),
  ),
  {
    id: 'L52 P5',
    title:
      'a reaper that looked before a create, a resolve or an abort can’t put the stream off beyond what they need',
    timesLapse: true,
    async run(h) {
      for (const act of ['create', 'resolve', 'abort'] as const) {
        let letGo: (() => void) | undefined;
        let isHeld = false;
        const slowSweeper = await h.replica({
          options: { sweepMs: 900 },
          hooks: { settle: () => new Promise(() => {}) },
          wrapStore: (store) =>
            wrapStore(store, async ({ method, args }, perform) => {
              // It has read the stream and is about to put it off.
              const [entry] = args as [{ key: { streamId: string } }];
              if (isHeld && method === 'due.later' && entry.key.streamId === act)
                await new Promise<void>((resolve) => (letGo = resolve));
              return perform();
            }),
        });
        const doomed = await h.replica({ options: { sweepMs: 900 } });
        const job = await h.start(doomed, { streamId: act });
        // What its create asked of the due index is over.
        await h.advance(TIMES.leaseMs + 100);
        let actionId = '';
        if (act === 'create') await job.complete();
        else actionId = (await job.pause({ type: 'checkpoint', expiresInMs: 3_900 })).actionId;
        isHeld = true;
        let sweeping = Promise.resolve();
        // The other replica's own sweep may come first, and put it off: then there is nothing to read, and it is brought near again.
        for (let sweeps = 0; letGo === undefined && sweeps < 10; sweeps++) {
          // The next look at the stream would put it off to the end of retention, or to the expiry.
          await h.store.due.nearer(job.key, 0);
          let isSwept = false;
          sweeping = slowSweeper.manager.upkeep.sweep().then(() => {
            isSwept = true;
          });
          await h.until(() => letGo !== undefined || isSwept, 'the sweep has read');
        }
        expect(letGo, 'the sweep has read').toBeDefined();
        const heldFrom = h.backend.clock.monotonic();
        if (act === 'create') await h.start(doomed, { streamId: act });
        if (act === 'resolve')
          await doomed.manager.approvals.resolve(act, { actionId, decisions: [], by: 'p' });
        if (act === 'abort') await doomed.manager.abortJob(act);
        await doomed.crash();
        isHeld = false;
        letGo?.();
        await h.soon(sweeping);
        const wasHeld = h.backend.clock.monotonic() - heldFrom < TIMES.leaseMs;
        await slowSweeper.crash();
        const { entries } = await h.store.due.list({ limit: 10, all: true });
        const due = entries.find((one) => one.key.streamId === act);
        const lateBy = (due?.at ?? Number.POSITIVE_INFINITY) - (h.store.now() + TIMES.leaseMs);
        // A score is held for one lease: what took a busy machine longer shows nothing.
        if (wasHeld) expect(lateBy, act).toBeLessThanOrEqual(0);
        await h.store.delete(job.key);
      }
    },
  },
  {
    id: 'L132',
    title: 'what a replica takes over in the moment in which it begins to leave is another’s at once',
    timesLapse: true,
    async run(h) {
      let leave = () => {};
      let draining: Promise<unknown> = Promise.resolve();
      const leaving = await h.replica({
        hooks: { recover: () => undefined },
        wrapStore: (store) =>
          wrapStore(store, async ({ method, args: [commit] }, perform) => {
            const answer = await perform();
            if (method === 'commit' && (commit as { readonly name?: string }).name === 'recover') leave();
            return answer;
          }),
      });
      leave = () => {
        draining = leaving.manager.drain({ graceMs: 0 });
      };
      const attempts: number[] = [];
      await h.replica({
        options: SWEEPS_SELDOM,
        hooks: { recover: (job) => void attempts.push(job.attempt) },
      });
      const doomed = await h.replica();
      await (await h.start(doomed)).flush();
      await doomed.crash();
      await h.until(() => attempts.length > 0, 'another one is told, and goes on', 2 * TIMES.leaseMs);
      expect(attempts).toEqual([3]);
      await h.soon(draining, 'the drain');
    },
  },
];

type Act = 'create' | 'replace' | 'pause' | 'resolve' | 'complete' | 'abort' | 'expire';

/** Kills a replica at its n-th store call from now, for n = 1, 2, 3 … until the act gets through. */
async function crashEverywhere(h: Harness, act: Act): Promise<void> {
  for (const moment of ['before', 'after'] as const) {
    for (let n = 1; n < 30; n++) {
      const got = await crashAt(h, act, n, moment);
      if (got === 'through') break;
      expect(n).toBeLessThan(29);
    }
  }
}

async function crashAt(
  h: Harness,
  act: Act,
  n: number,
  moment: 'before' | 'after',
): Promise<'crashed' | 'through'> {
  let left = Number.POSITIVE_INFINITY;
  let died = false;
  let settled = 0;
  const hooks = { settle: () => void settled++ };
  const doomed: Replica = await h.replica({
    hooks,
    // Its own upkeep stays out of the way.
    options: { sweepMs: 900, renewMs: 450 },
    wrapStore: (store) =>
      wrapStore(store, async (_, perform) => {
        if (--left > 0) return perform();
        if (left === 0) {
          if (moment === 'after') await perform();
          died = true;
          await doomed.crash();
        }
        return new Promise(() => {});
      }),
  });
  const streamId = `${act}-${moment}-${n}`;
  const window = 600;
  let before: GenerationJob | undefined;
  if (act !== 'create') {
    before = await h.start(act === 'replace' || act === 'abort' ? await h.replica({ hooks }) : doomed, {
      streamId,
    });
    void before.emit(text('a'));
    await before.flush();
  }
  const action =
    act === 'resolve' || act === 'expire'
      ? await before?.pause({ type: 'checkpoint', expiresInMs: window })
      : undefined;
  if (act === 'expire') await h.advance(window);
  left = n;
  const work: Record<Act, () => Promise<unknown>> = {
    create: () => doomed.manager.createJob({ streamId, userId: 'u' }),
    replace: () => doomed.manager.createJob({ streamId, userId: 'u' }),
    pause: () => before?.pause({ type: 'checkpoint', expiresInMs: window }) as Promise<unknown>,
    resolve: () =>
      doomed.manager.approvals.resolve(streamId, {
        actionId: action?.actionId ?? '',
        decisions: [],
        by: 'p',
      }),
    complete: () => before?.complete() as Promise<unknown>,
    abort: () => doomed.manager.abortJob(streamId),
    expire: () => doomed.manager.approvals.expire(streamId),
  };
  const acted = work[act]().then(
    () => 'through',
    () => 'through',
  );
  await h.rest();
  await Promise.race([acted, h.rest()]);
  await h.rest();
  const through = !died;
  // Whatever happens next is another replica's doing.
  if (through) await doomed.crash();
  const survivor = await h.replica({ hooks });
  const longest =
    TIMES.leaseMs + TIMES.sweepMs + (act === 'pause' || act === 'resolve' || act === 'expire' ? window : 0);
  const records = (): Promise<readonly JobRecord[]> => h.store.read(streamKey(streamId), 'kept');
  const isOver = async () => {
    const kept = await records();
    // The producer that was not killed may go on.
    const running = (act === 'abort' || act === 'replace') && before && !before.isOver;
    return (
      kept.every((record) => record.endedAt !== undefined && record.settlement.state !== 'open') || running
    );
  };
  await h.until(isOver, `${streamId}: ended and settled`, longest);
  for (const { generation } of await records()) {
    const terminals = (await h.log(streamId, generation)).filter(isTerminal);
    expect(terminals.length, streamId).toBeLessThanOrEqual(1);
  }
  await survivor.manager.deleteStream(streamId);
  await h.soon(survivor.manager.close());
  return through ? 'through' : 'crashed';
}
