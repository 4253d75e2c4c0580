import { FakeClock } from 'generation-jobs/testing';
import { SnapshotCache, type SnapshotCacheOptions } from 'generation-jobs/worker';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

interface State {
  approvals: string[];
}

let clock: FakeClock;
/** The reads that are under way, and their ends. */
let reads: { signal: AbortSignal; give(state: State): void; fail(error: unknown): void }[];
let cache: SnapshotCache<State>;
let errors: unknown[];

const read = (signal: AbortSignal) =>
  new Promise<State>((give, fail) => {
    reads.push({ signal, give, fail });
  });

function make(more: Partial<SnapshotCacheOptions<State>> = {}): SnapshotCache<State> {
  const entropy = { id: () => 'id', random: () => 0 };
  cache = new SnapshotCache({ read, clock, entropy, onError: (error) => void errors.push(error), ...more });
  return cache;
}

/** Lets the read under way end. */
async function give(...approvals: string[]): Promise<void> {
  reads.at(-1)?.give({ approvals });
  await clock.rest();
}

beforeEach(() => {
  clock = new FakeClock();
  reads = [];
  errors = [];
});
afterEach(async () => {
  cache.close();
  await clock.rest();
  expect(clock.pendingTimers).toBe(0);
});

describe('a snapshot cache', () => {
  it('answers at once: null before the first state is there, then from the last good one, with its age', async () => {
    make();
    expect(cache.current()).toBeNull();
    await clock.advance(0);
    await give('one');
    expect(cache.current()).toEqual({ state: { approvals: ['one'] }, ageMs: 0, isStale: false });
    await clock.advance(7);
    expect(cache.current()).toMatchObject({ ageMs: 7 });
    cache.markDirty();
    expect(cache.current()).toMatchObject({ state: { approvals: ['one'] }, isStale: true });
  });

  it('counts the age from when the state was asked for, not from when it came', async () => {
    make();
    await clock.advance(0);
    await clock.advance(40);
    await give('one');
    expect(cache.current()).toMatchObject({ ageMs: 40 });
  });

  it('reads once for all marks of the debounce time, and not later for many of them', async () => {
    make({ debounceMs: 100 });
    await clock.advance(0);
    await give('one');
    for (let mark = 0; mark < 10; mark++) {
      cache.markDirty();
      await clock.advance(9);
    }
    expect(reads).toHaveLength(1);
    await clock.advance(10);
    expect(reads).toHaveLength(2);
  });

  it('reads once more for marks that came while it was read, however many', async () => {
    make({ debounceMs: 100 });
    await clock.advance(0);
    cache.markDirty();
    cache.markDirty();
    await clock.advance(500);
    expect(reads).toHaveLength(1);
    await give('of before');
    expect(cache.current()).toMatchObject({ isStale: true });
    await clock.advance(100);
    expect(reads).toHaveLength(2);
    await give('of after');
    expect(cache.current()).toMatchObject({ state: { approvals: ['of after'] }, isStale: false });
    await clock.advance(29_999);
    expect(reads).toHaveLength(2);
  });

  it('is stale until a read that began after the mark is over', async () => {
    make({ debounceMs: 100 });
    await clock.advance(0);
    await give('one');
    cache.markDirty();
    await clock.advance(100);
    expect(reads).toHaveLength(2);
    expect(cache.current()).toMatchObject({ state: { approvals: ['one'] }, isStale: true });
    await give('two');
    expect(cache.current()).toMatchObject({ state: { approvals: ['two'] }, isStale: false });
  });

  it('reads again after a while, marked or not', async () => {
    make({ refreshMs: 5_000 });
    await clock.advance(0);
    await give('one');
    await clock.advance(5_000);
    expect(reads).toHaveLength(2);
  });

  it('gives copies, and keeps one: neither readers nor the source change what is served', async () => {
    make();
    await clock.advance(0);
    const source = { approvals: ['one'] };
    reads[0]?.give(source);
    await clock.rest();
    source.approvals.push('by the source');
    cache.current()?.state.approvals.push('by a reader');
    expect(cache.current()?.state).toEqual({ approvals: ['one'] });
  });

  it('keeps serving while the server is away, asks less and less often, and tells each failure', async () => {
    make({ retryMs: 500, refreshMs: 3_000 });
    await clock.advance(0);
    await give('good');
    cache.markDirty();
    await clock.advance(100);
    for (const pause of [500, 1_000, 2_000, 3_000, 3_000]) {
      const before = reads.length;
      reads.at(-1)?.fail(new Error('ECONNREFUSED'));
      await clock.rest();
      cache.markDirty(); // no reason to ask sooner
      await clock.advance(pause - 1);
      expect(reads).toHaveLength(before);
      await clock.advance(1);
      expect(reads).toHaveLength(before + 1);
    }
    expect(cache.current()).toMatchObject({ state: { approvals: ['good'] }, isStale: true, ageMs: 9_600 });
    expect(errors).toHaveLength(5);
    await give('back');
    expect(cache.current()).toMatchObject({ state: { approvals: ['back'] }, isStale: false });
  });

  it('gives a read up that takes too long, and does not take its late answer', async () => {
    make({ readMs: 1_000 });
    await clock.advance(0);
    await clock.advance(1_000);
    expect(reads[0]?.signal.aborted).toBe(true);
    expect(errors).toMatchObject([{ code: 'unavailable' }]);
    await clock.advance(500);
    expect(reads).toHaveLength(2);
    await give('in time');
    reads[0]?.give({ approvals: ['late'] });
    await clock.rest();
    expect(cache.current()?.state).toEqual({ approvals: ['in time'] });
  });

  it.each([
    ['throws at once', () => Promise.reject(new Error('no'))],
    ['gives what can’t be copied', async () => ({ approvals: [() => {}] }) as never],
  ])('takes no harm when the source %s, nor when its failure can’t be told', async (_, source) => {
    const onError = () => {
      throw new Error('no log');
    };
    make({ read: source, onError });
    await clock.advance(0);
    expect(cache.current()).toBeNull();
    await clock.advance(60_000);
    expect(cache.current()).toBeNull();
  });

  it('refreshes when it is asked to, with a read that began after that', async () => {
    make();
    await clock.advance(0);
    const refreshed = Promise.all([cache.refresh(), cache.refresh()]);
    await give('of before');
    expect(reads).toHaveLength(2);
    await give('of after');
    expect(await refreshed).toEqual([true, true]);
    const failing = cache.refresh();
    await clock.rest();
    reads.at(-1)?.fail(new Error('away'));
    expect(await failing).toBe(false);
  });

  it('serves its last state when it is closed, and reads no more', async () => {
    make();
    await clock.advance(0);
    await give('last');
    cache.markDirty();
    await clock.advance(100);
    cache.close();
    expect(reads[1]?.signal.aborted).toBe(true);
    cache.markDirty();
    await clock.advance(60_000);
    expect(reads).toHaveLength(2);
    expect(await cache.refresh()).toBe(false);
    expect(cache.current()?.state).toEqual({ approvals: ['last'] });
    expect(errors).toEqual([]);
  });

  it('refuses what it does not know', () => {
    make();
    expect(() => new SnapshotCache({ read, debounce: 1 } as never)).toThrow('did you mean "debounceMs"?');
    expect(() => new SnapshotCache({} as never)).toThrow(/read/);
  });
});
