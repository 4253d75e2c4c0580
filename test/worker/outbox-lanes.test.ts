import { describe, expect, it } from 'vitest';
import { sqliteLibraries } from './outbox-databases.js';
import { again, OutboxStage, RunSide } from './outbox-stage.js';

const SECOND = 1000;

describe.each(sqliteLibraries)('a run in an outbox on $name', (library) => {
  it('is delivered in order, in as few deliveries as their bounds allow, and leaves nothing', async () => {
    const { outbox } = new OutboxStage(library, { batchItems: 3, batchBytes: 10 });
    const side = new RunSide();
    const lane = outbox.run('run', side);
    lane.append(1, 2, 'a');
    lane.append(3, 1, 'b');
    for (const [index, text] of ['c', 'd', '12345678', '123', '12345678901234', 'e'].entries())
      lane.append(4 + index, 1, text);
    expect(lane.pending).toBe(9);
    expect(lane.next).toBe(10);
    await lane.idle();
    expect(side.calls).toEqual([['a', 'b', 'c'], ['d', '12345678'], ['123'], ['12345678901234'], ['e']]);
    expect(side.items.map(({ first, last }) => [first, last]).slice(0, 2)).toEqual([
      [1, 2],
      [3, 3],
    ]);
    expect(lane.pending).toBe(0);
    expect(outbox.stats()).toMatchObject({ rows: 0, bytes: 0, delivered: 8, failedTries: 0 });
  });

  it('takes no batch that does not follow on, and nothing of one it has refused', async () => {
    const stage = new OutboxStage(library);
    const lane = stage.outbox.run('run', new RunSide(again));
    lane.append(5, 2, 'a');
    for (const first of [6, 8, 5, 1.5, 0])
      expect(() => lane.append(first, 1, 'x')).toThrow('first: must be 7');
    expect(() => lane.append(7, 0, 'x')).toThrow('count');
    expect(lane.pending).toBe(2);
  });

  it('waits twice as long with each failed try, at most so long as is said, and begins anew after a success', async () => {
    const { outbox, clock } = new OutboxStage(library, { retryMs: 1 * SECOND, longestRetryMs: 4 * SECOND });
    const side = new RunSide(again, new Error('no answer'), again, again, { kind: 'done' }, again);
    const lane = outbox.run('run', side);
    lane.append(1, 1, 'a');
    const calls: number[] = [];
    for (const ms of [0, 999, 1, 1999, 1, 3999, 1, 3999, 1]) {
      await clock.advance(ms);
      calls.push(side.calls.length);
    }
    expect(calls).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5]);
    lane.append(2, 1, 'b');
    await clock.advance(1 * SECOND);
    expect(side.calls.slice(5)).toEqual([['b'], ['b']]);
    expect(outbox.stats()).toMatchObject({ failedTries: 5, delivered: 2 });
  });

  it('waits as long as the other side asks for, within bounds', async () => {
    const { outbox, clock } = new OutboxStage(library, { longestRetryMs: 60 * SECOND });
    const side = new RunSide({ kind: 'again', afterMs: 30 * SECOND }, { kind: 'again', afterMs: 1e12 });
    outbox.run('run', side).append(1, 1, 'a');
    await clock.advance(30 * SECOND - 1);
    expect(side.calls).toHaveLength(1);
    await clock.advance(1);
    expect(side.calls).toHaveLength(2);
    await clock.advance(600 * SECOND);
    expect(side.calls).toHaveLength(3);
  });

  it('counts no try where a fresh token is asked for', async () => {
    const { outbox, clock } = new OutboxStage(library);
    const side = new RunSide({ kind: 'again', isTry: false });
    outbox.run('run', side).append(1, 1, 'a');
    await clock.advance(1 * SECOND);
    expect(side.items.map(({ tries }) => tries)).toEqual([0, 0]);
    expect(outbox.stats()).toMatchObject({ failedTries: 0, delivered: 1 });
  });

  it('goes at once after a restart, with the tries it had and a pause to match them', async () => {
    const stage = new OutboxStage(library, { retryMs: 1 * SECOND });
    stage.outbox.run('run', new RunSide(again, again, again)).append(1, 2, 'a');
    await stage.clock.advance(3 * SECOND);
    const outbox = await stage.restart();
    expect(outbox.lanes()).toEqual([
      { name: 'run', kind: 'run', isOpen: false, waiting: 1, setAside: 0, bytes: 1 },
    ]);
    const side = new RunSide(again);
    const lane = outbox.run('run', side);
    expect(lane).toMatchObject({ next: 3, pending: 2 });
    await stage.clock.advance(0);
    expect(side.items.map(({ tries }) => tries)).toEqual([3]);
    await stage.clock.advance(8 * SECOND - 1);
    expect(side.calls).toHaveLength(1);
    await stage.clock.advance(1);
    expect(side.items.map(({ tries }) => tries)).toEqual([3, 4]);
  });

  it('does not wait for another lane, whose delivery hangs or fails', async () => {
    const { outbox } = new OutboxStage(library);
    outbox.run('hanging', new RunSide('silence')).append(1, 1, 'a');
    outbox.run('failing', new RunSide(again)).append(1, 1, 'a');
    const lane = outbox.run('run', new RunSide());
    lane.append(1, 1, 'a');
    await lane.idle();
    expect(lane.pending).toBe(0);
  });

  it('tries again when a delivery has not answered in time, and gives its signal up', async () => {
    const { outbox, clock } = new OutboxStage(library, { deliveryMs: 5 * SECOND });
    const side = new RunSide('silence');
    const signals: AbortSignal[] = [];
    const lane = outbox.run('run', {
      deliver: (items, signal) => {
        signals.push(signal);
        return side.deliver(items);
      },
    });
    lane.append(1, 1, 'a');
    await clock.advance(6 * SECOND);
    expect(side.calls).toEqual([['a'], ['a']]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    expect(lane.pending).toBe(0);
  });

  it('goes back to what the other side expects, or on to it, by whole batches', async () => {
    const { outbox, clock } = new OutboxStage(library, { batchItems: 2 });
    const side = new RunSide({ kind: 'done', upTo: 2 }, { kind: 'gap', expected: 6 });
    const lane = outbox.run('run', side);
    for (const [first, text] of [
      [1, 'a'],
      [3, 'b'],
      [5, 'c'],
      [6, 'd'],
    ] as const)
      lane.append(first, first === 5 || first === 6 ? 1 : 2, text);
    await clock.advance(0);
    await lane.idle();
    expect(side.calls).toEqual([['a', 'b'], ['b', 'c'], ['d']]);
  });

  it('takes an answer that moves nothing for a failed try, so that it never spins', async () => {
    const { outbox, clock } = new OutboxStage(library, { retryMs: 1 * SECOND });
    const side = new RunSide({ kind: 'gap', expected: 1 }, { kind: 'done', upTo: 0 });
    outbox.run('run', side).append(1, 2, 'a');
    await clock.advance(1 * SECOND - 1);
    expect(side.calls).toHaveLength(1);
    await clock.advance(1);
    expect(side.calls).toHaveLength(2);
    await clock.advance(2 * SECOND);
    expect(side.calls).toHaveLength(3);
    expect(outbox.stats()).toMatchObject({ failedTries: 2, delivered: 1 });
  });

  it.each([
    ['an event from before', 2],
    ['an event within a batch', 4],
    ['an event that was never there', 9],
  ])('ends by name when %s is expected: nothing is skipped', async (_, expected) => {
    const stage = new OutboxStage(library);
    const side = new RunSide({ kind: 'gap', expected });
    const lane = stage.outbox.run('run', side);
    lane.append(3, 2, 'a');
    lane.append(5, 1, 'b');
    await stage.clock.advance(0);
    expect(side.ends).toMatchObject([
      { reason: 'worker_events_lost', error: { code: 'worker_events_lost' } },
    ]);
    expect(lane.pending).toBe(0);
    expect(stage.outbox.stats()).toMatchObject({ waiting: 0, setAside: 1, bytes: 0 });
  });

  it('ends by name when a batch is refused for ever, discards the rest, and says so also to a later process', async () => {
    const stage = new OutboxStage(library);
    const error = new Error('422');
    const side = new RunSide({ kind: 'never', error });
    const lane = stage.outbox.run('run', side);
    lane.append(1, 1, 'a');
    lane.append(2, 3, 'b');
    await stage.clock.advance(0);
    expect(side.ends).toEqual([{ reason: 'worker_events_lost', error }]);
    expect(lane.ended).toEqual({ reason: 'worker_events_lost', error });
    expect(() => lane.append(5, 1, 'c')).toThrow(expect.objectContaining({ code: 'worker_events_lost' }));
    expect(stage.outbox.stats()).toMatchObject({ waiting: 0, discarded: 2 });
    expect(stage.events).toEqual([
      { kind: 'run_ended', lane: 'run', reason: 'worker_events_lost', rows: 2, isLost: true },
    ]);
    expect(stage.logged).toMatchObject([{ level: 'error', fields: { lane: 'run', rows: 2 } }]);
    const outbox = await stage.restart();
    expect(outbox.setAside()).toMatchObject([{ lane: 'run', kind: 'run', first: 1, last: 4, bytes: 0 }]);
    const later = new RunSide();
    expect(outbox.run('run', later).ended).toEqual({ reason: 'worker_events_lost' });
    await stage.clock.advance(0);
    expect(later).toMatchObject({ calls: [], ends: [{ reason: 'worker_events_lost' }] });
  });

  it('sets its rest aside when the other side wants no more, lists and counts it, and is told why', async () => {
    const stage = new OutboxStage(library);
    const side = new RunSide({ kind: 'done', upTo: 1 }, { kind: 'over', reason: 'replaced' });
    const lane = stage.outbox.run('run', side);
    lane.append(1, 1, 'a');
    lane.append(2, 2, 'bb');
    await stage.clock.advance(0);
    expect(side.ends).toEqual([{ reason: 'replaced' }]);
    expect(() => lane.append(4, 1, 'c')).toThrow('The run run has ended: replaced.');
    const [entry] = stage.outbox.setAside();
    expect(entry).toMatchObject({ lane: 'run', reason: 'replaced', first: 2, last: 3, bytes: 2, tries: 0 });
    expect(stage.outbox.setAsideText(entry?.id ?? 0)).toBe('bb');
    expect(stage.events).toEqual([
      { kind: 'run_ended', lane: 'run', reason: 'replaced', rows: 1, isLost: false },
    ]);
    expect(stage.outbox.retry(), 'a run that is over is not tried again').toBe(0);
    expect(stage.outbox.retry(entry?.id)).toBe(0);
    const outbox = await stage.restart();
    expect(outbox.run('run', side).ended).toEqual({ reason: 'replaced' });
    expect(outbox.discard(entry?.id ?? 0)).toBe(true);
    expect(outbox.discard(entry?.id ?? 0)).toBe(false);
    expect(outbox.stats()).toMatchObject({ rows: 0, bytes: 0 });
  });

  it('is ended by its holder: what waits is set aside, and the name is free', async () => {
    const { outbox, clock } = new OutboxStage(library);
    const side = new RunSide(again);
    const lane = outbox.run('run', side);
    expect(() => outbox.run('run', side)).toThrow('name: the lane run is open already.');
    lane.append(1, 1, 'a');
    lane.end('aborted');
    await lane.idle();
    await clock.advance(60 * SECOND);
    expect(side).toMatchObject({ calls: [], ends: [] });
    expect(outbox.stats()).toMatchObject({ waiting: 0, setAside: 1 });
    const other = outbox.run('other', side);
    other.end('completed');
    expect(outbox.run('other', side).ended).toBeUndefined();
  });

  it('is let go by its holder: what waits stays, and goes with whoever opens it next', async () => {
    const { outbox, clock } = new OutboxStage(library);
    const side = new RunSide(again);
    const lane = outbox.run('run', side);
    lane.append(1, 1, 'a');
    lane.release();
    lane.release();
    await clock.advance(60 * SECOND);
    expect(side).toMatchObject({ calls: [], ends: [] });
    expect(() => lane.append(2, 1, 'b')).toThrow(expect.objectContaining({ code: 'closed' }));
    expect(outbox.stats()).toMatchObject({ waiting: 1, setAside: 0 });
    expect(await outbox.flush({ withinMs: 1 })).toBe(false);
    const next = outbox.run('run', new RunSide());
    await next.idle();
    expect(await outbox.flush({ withinMs: 1 })).toBe(true);
    expect(outbox.stats()).toMatchObject({ rows: 0 });
  });

  it('forgets what the other side is known to have, and nothing that ends later', async () => {
    const { outbox } = new OutboxStage(library);
    const lane = outbox.run('run', new RunSide('silence'));
    lane.append(1, 2, 'a');
    lane.append(3, 2, 'b');
    lane.acknowledged(3);
    expect(lane.pending).toBe(2);
    lane.acknowledged(1_000);
    expect(lane.pending).toBe(0);
    expect(lane.next).toBe(5);
  });

  it('is looked at by a poll beside its timers', async () => {
    const { outbox, clock } = new OutboxStage(library, { retryMs: 1 * SECOND, pollMs: 10 * SECOND });
    const side = new RunSide(again);
    outbox.run('run', side).append(1, 1, 'a');
    await clock.rest();
    const timers = clock.setTimeout;
    clock.setTimeout = () => 0;
    outbox.run('other', new RunSide(again)).append(1, 1, 'lost timer');
    await clock.rest();
    clock.setTimeout = timers;
    await clock.advance(10 * SECOND);
    expect(outbox.stats()).toMatchObject({ waiting: 0, delivered: 2 });
  });

  it('is flushed: tried at once and again, until nothing waits or the time is over', async () => {
    const { outbox, clock } = new OutboxStage(library, { retryMs: 4 * SECOND });
    const lane = outbox.run('run', new RunSide(again, again));
    lane.append(1, 1, 'a');
    await clock.advance(1 * SECOND);
    const early = outbox.flush({ withinMs: 1 * SECOND });
    await clock.advance(1 * SECOND);
    expect(await early).toBe(false);
    const whole = outbox.flush({ withinMs: 10 * SECOND });
    await clock.advance(0);
    expect(await whole).toBe(true);
    expect(lane.pending).toBe(0);
  });

  it('keeps what waits when the outbox closes, and then takes nothing', async () => {
    const stage = new OutboxStage(library);
    const lane = stage.outbox.run('run', new RunSide('silence'));
    lane.append(1, 1, 'a');
    await stage.clock.advance(0);
    const idle = lane.idle();
    await stage.outbox.close();
    await idle;
    expect(() => lane.append(2, 1, 'b')).toThrow(expect.objectContaining({ code: 'closed' }));
    expect(() => stage.outbox.run('other', new RunSide())).toThrow(
      expect.objectContaining({ code: 'closed' }),
    );
    expect(stage.clock.pendingTimers).toBe(0);
    expect((await stage.restart()).lanes()).toMatchObject([{ waiting: 1 }]);
  });
});
