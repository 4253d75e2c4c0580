import { describe, expect, it } from 'vitest';
import { sqliteLibraries } from './outbox-databases.js';
import { again, OutboxStage, ReportSide, RunSide } from './outbox-stage.js';

const SECOND = 1000;

describe.each(sqliteLibraries)('a report in an outbox on $name', (library) => {
  it('is delivered with its data, key and time of happening, which is kept through tries and a restart', async () => {
    const stage = new OutboxStage(library);
    const side = new ReportSide(again);
    const data = { text: 'ümlaut \u2028', deep: [null, 1.5, { a: true }] };
    const happened = stage.clock.now() - 5 * SECOND;
    const lane = stage.outbox.reports('hooks', { mode: 'append', deliver: side.deliver });
    lane.put(data, { key: 'k', at: happened });
    await stage.clock.advance(0);
    const outbox = await stage.restart();
    await stage.clock.advance(60 * SECOND);
    const later = outbox.reports('hooks', { mode: 'append', deliver: side.deliver });
    await later.idle();
    const [first, second] = side.reports;
    expect(first).toMatchObject({ data, key: 'k', at: happened, tries: 0, idempotencyKey: 'id-1' });
    expect(second).toEqual({ ...first, tries: 1 });
    expect(outbox.stats()).toMatchObject({ rows: 0, bytes: 0, delivered: 1 });
  });

  it('that fails holds up no other: it waits for its own time, and others go meanwhile', async () => {
    const { outbox, clock } = new OutboxStage(library, { retryMs: 1 * SECOND, longestRetryMs: 60 * SECOND });
    const tries: string[] = [];
    const lane = outbox.reports('usage', {
      mode: 'append',
      deliver: async ({ data }) => {
        tries.push(String(data));
        return data === 'stuck' ? again : { kind: 'done' };
      },
    });
    lane.put('stuck');
    lane.put('a');
    await clock.advance(1 * SECOND);
    expect(tries).toEqual(['stuck', 'a', 'stuck']);
    for (const data of ['b', 'c', 'd', 'e']) {
      lane.put(data);
      await clock.advance(1 * SECOND);
    }
    expect(tries.filter((one) => one !== 'stuck')).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(tries.filter((one) => one === 'stuck').length, 'it is tried in between, less and less').toBe(3);
    expect(lane.pending).toBe(1);
  });

  it('is set aside after so many tries, which is told; listed; and goes again when it is called for', async () => {
    const stage = new OutboxStage(library, { reportTries: 3, retryMs: 1 * SECOND });
    const side = new ReportSide(again, new Error('no answer'), { kind: 'again', error: new Error('503') });
    const lane = stage.outbox.reports('usage', { mode: 'append', deliver: side.deliver });
    lane.put({ tokens: 1 });
    await stage.clock.advance(60 * SECOND);
    expect(side.reports.map(({ tries }) => tries)).toEqual([0, 1, 2]);
    const [entry] = stage.outbox.setAside();
    const { id = 0 } = entry ?? {};
    expect(entry).toMatchObject({ lane: 'usage', kind: 'report', reason: '503', tries: 3, bytes: 12 });
    expect(stage.outbox.setAsideText(id)).toBe('{"tokens":1}');
    expect(stage.events).toEqual([{ kind: 'set_aside', lane: 'usage', id, reason: '503' }]);
    expect(stage.logged).toMatchObject([{ level: 'warn', fields: { lane: 'usage', id, reason: '503' } }]);
    expect(stage.outbox.stats()).toMatchObject({ waiting: 0, setAside: 1 });
    expect(stage.outbox.retry(id + 1)).toBe(0);
    const outbox = await stage.restart();
    expect(outbox.retry(id)).toBe(1);
    await outbox.reports('usage', { mode: 'append', deliver: side.deliver }).idle();
    expect(side.reports[3]).toMatchObject({ tries: 0, idempotencyKey: side.reports[0]?.idempotencyKey });
    expect(outbox.stats()).toMatchObject({ rows: 0, bytes: 0 });
  });

  it('is set aside at once when it is refused for ever, and all go again with one call', async () => {
    const { outbox, clock } = new OutboxStage(library);
    const never = { kind: 'never', error: new Error('422') } as const;
    const side = new ReportSide(never, never, { kind: 'over', reason: 'ended' }, never);
    const lane = outbox.reports('usage', { mode: 'append', deliver: side.deliver });
    for (const data of ['a', 'b', 'c', 'd']) lane.put(data);
    await clock.advance(0);
    await lane.idle();
    expect(side.data).toEqual(['a', 'b', 'c', 'd']);
    expect(outbox.stats()).toMatchObject({ waiting: 0, setAside: 3, delivered: 1 });
    expect(outbox.setAside({ limit: 2 }).map(({ reason }) => reason)).toEqual(['422', '422']);
    const [first] = outbox.setAside();
    expect(outbox.setAside({ after: first?.id, limit: 2 })).toHaveLength(2);
    expect(outbox.retry()).toBe(3);
    await lane.idle();
    expect(side.data.slice(4)).toEqual(['a', 'b', 'd']);
  });

  it('coalesces by key: the newest of a key stands in the place, and with the tries, of the one before', async () => {
    const { outbox, clock } = new OutboxStage(library, { retryMs: 10 * SECOND });
    const side = new ReportSide(again);
    const lane = outbox.reports('status', { mode: 'coalesce', deliver: side.deliver });
    expect(() => lane.put('x')).toThrow('key: is asked for');
    lane.put('a1', { key: 'a' });
    await clock.advance(1 * SECOND);
    lane.put('b1', { key: 'b' });
    lane.put('a2', { key: 'a' });
    lane.put('b2', { key: 'b' });
    expect(lane.pending).toBe(2);
    await clock.advance(30 * SECOND);
    expect(side.data.toSorted()).toEqual(['a1', 'a2', 'b2']);
    expect(side.reports.find(({ data }) => data === 'a2')?.tries).toBe(1);
    expect(new Set(side.reports.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(3);
    expect(outbox.stats()).toMatchObject({ rows: 0, bytes: 0, coalesced: 2, delivered: 2 });
  });

  it('that is on its way is not changed: a newer one of its key follows it, or replaces it when it has failed', async () => {
    const { outbox, clock } = new OutboxStage(library, { retryMs: 1 * SECOND, deliveryMs: 5 * SECOND });
    const side = new ReportSide('silence', { kind: 'done' }, 'silence', { kind: 'done' });
    const lane = outbox.reports('status', { mode: 'coalesce', deliver: side.deliver });
    lane.put('a1', { key: 'a' });
    await clock.advance(0);
    lane.put('a2', { key: 'a' });
    lane.put('a3', { key: 'a' });
    expect(lane.pending).toBe(2);
    await clock.advance(6 * SECOND);
    expect(side.data).toEqual(['a1', 'a3']);
    expect(outbox.stats()).toMatchObject({ rows: 0, coalesced: 2, delivered: 1 });
  });

  it('takes the place of one of its key that was set aside', async () => {
    const { outbox, clock } = new OutboxStage(library);
    const side = new ReportSide({ kind: 'never', error: 'too large' });
    const lane = outbox.reports('status', { mode: 'coalesce', deliver: side.deliver });
    lane.put('a1', { key: 'a' });
    await clock.advance(0);
    await lane.idle();
    expect(outbox.setAside()).toMatchObject([{ reason: 'too large', key: 'a' }]);
    lane.put('a2', { key: 'a' });
    await lane.idle();
    expect(side.reports[1]).toMatchObject({ data: 'a2', tries: 0 });
    expect(outbox.stats()).toMatchObject({ rows: 0, bytes: 0, coalesced: 1 });
  });

  it('is the same report when it comes again with its idempotency key', async () => {
    const { outbox } = new OutboxStage(library);
    const side = new ReportSide();
    const lane = outbox.reports('turns', { mode: 'append', deliver: side.deliver });
    lane.put('a', { idempotencyKey: 'turn-1' });
    lane.put('a', { idempotencyKey: 'turn-1' });
    lane.put('a', { idempotencyKey: 'turn-2' });
    expect(lane.pending).toBe(2);
    await lane.idle();
    expect(side.reports.map(({ idempotencyKey }) => idempotencyKey)).toEqual(['turn-1', 'turn-2']);
  });

  it('that is no JSON is refused', () => {
    const { outbox } = new OutboxStage(library);
    const lane = outbox.reports('turns', { mode: 'append', deliver: new ReportSide().deliver });
    const circle: { self?: unknown } = {};
    circle.self = circle;
    for (const data of [undefined, () => {}, 1n, circle])
      expect(() => lane.put(data as never)).toThrow('data: must be JSON.');
  });

  it('survives a hook and a logger that throw, and a deliver that gives nothing', async () => {
    const fails = () => {
      throw new Error('the host’s');
    };
    const { outbox, clock } = new OutboxStage(library, {
      ...{ reportTries: 1, onEvent: fails, logger: { debug: fails, info: fails, warn: fails, error: fails } },
    });
    const lane = outbox.reports('turns', { mode: 'append', deliver: async () => undefined as never });
    lane.put('a');
    await clock.advance(60 * SECOND);
    expect(outbox.setAside()).toMatchObject([{ reason: '`deliver` gave no Delivery.' }]);
  });
});

describe.each(sqliteLibraries)('a full outbox on $name', (library) => {
  const bytes = (count: number) => 'x'.repeat(count);

  it('drops what is set aside first, then the oldest, each counted and told', async () => {
    const stage = new OutboxStage(library, { maxRows: 3 });
    const { outbox, clock, events } = stage;
    const never = { kind: 'never', error: 'no' } as const;
    const side = new ReportSide(never, never, 'silence');
    const lane = outbox.reports('turns', { mode: 'append', deliver: side.deliver });
    lane.put('aside 1');
    lane.put('aside 2');
    await clock.advance(0);
    await clock.advance(0);
    expect(outbox.stats()).toMatchObject({ setAside: 2 });
    events.length = 0;
    for (const data of ['on its way', 'b', 'c']) {
      lane.put(data);
      await clock.advance(0);
    }
    expect(outbox.stats()).toMatchObject({ setAside: 0, waiting: 3, dropped: 2 });
    lane.put('d');
    expect(events.map((event) => event.kind)).toEqual(['dropped', 'dropped', 'dropped']);
    expect(stage.logged.filter(({ level }) => level === 'error')).toHaveLength(3);
    const later = new ReportSide();
    await (await stage.restart()).reports('turns', { mode: 'append', deliver: later.deliver }).idle();
    expect(later.data, 'the one on its way is not dropped: it may have arrived').toEqual([
      'on its way',
      'c',
      'd',
    ]);
  });

  it('takes room from the lane that holds most, so that a greedy one costs the others nothing', async () => {
    const { outbox, clock } = new OutboxStage(library, { maxBytes: 1024 });
    const [quiet, greedy] = [new RunSide(again), new RunSide(again)];
    const turns = outbox.reports('turns', { mode: 'append', deliver: new ReportSide('silence').deliver });
    const quietRun = outbox.run('quiet', quiet);
    const greedyRun = outbox.run('greedy', greedy);
    quietRun.append(1, 1, bytes(100));
    turns.put(bytes(98));
    for (let first = 1; first <= 8; first++) greedyRun.append(first, 1, bytes(100));
    expect(() => greedyRun.append(9, 1, bytes(100))).toThrow(
      expect.objectContaining({ code: 'outbox_full' }),
    );
    expect(greedyRun.ended).toMatchObject({ reason: 'worker_events_lost', error: { code: 'outbox_full' } });
    await clock.advance(0);
    expect(greedy.ends).toMatchObject([{ reason: 'worker_events_lost' }]);
    expect(outbox.stats()).toMatchObject({ waiting: 2, bytes: 200, discarded: 8 });
    quietRun.append(2, 1, bytes(100));
  });

  it('ends the greedy run by name, and not the one that asks for room', async () => {
    const stage = new OutboxStage(library, { maxBytes: 1024 });
    const { outbox, clock } = stage;
    const greedy = new RunSide('silence');
    const greedyRun = outbox.run('greedy', greedy);
    for (let first = 1; first <= 9; first++) greedyRun.append(first, 1, bytes(100));
    const quietRun = outbox.run('quiet', new RunSide(again));
    quietRun.append(1, 1, bytes(200));
    await clock.advance(0);
    expect(greedy.ends).toMatchObject([{ reason: 'worker_events_lost' }]);
    expect(quietRun.ended).toBeUndefined();
    expect(stage.events).toEqual([
      { kind: 'run_ended', lane: 'greedy', reason: 'worker_events_lost', rows: 9, isLost: true },
    ]);
  });

  it('ends a run of an earlier process that nobody has opened yet, and tells whoever opens it', async () => {
    const stage = new OutboxStage(library, { maxBytes: 1024 });
    stage.outbox.run('earlier', new RunSide('silence')).append(1, 5, bytes(900));
    const outbox = await stage.restart();
    outbox.run('now', new RunSide(again)).append(1, 1, bytes(200));
    expect(stage.events).toMatchObject([{ kind: 'run_ended', lane: 'earlier', rows: 1, isLost: true }]);
    expect(outbox.run('earlier', new RunSide()).ended).toEqual({ reason: 'worker_events_lost' });
  });

  it('refuses a report rather than take room from others, when all its own lane holds is on its way', async () => {
    const { outbox, clock } = new OutboxStage(library, { maxBytes: 1024 });
    const turns = outbox.reports('turns', { mode: 'append', deliver: new ReportSide('silence').deliver });
    const run = outbox.run('run', new RunSide(again));
    turns.put(bytes(700));
    run.append(1, 1, bytes(100));
    await clock.advance(0);
    expect(() => turns.put(bytes(400))).toThrow(expect.objectContaining({ code: 'outbox_full' }));
    expect(run.ended).toBeUndefined();
    expect(outbox.stats()).toMatchObject({ waiting: 2, dropped: 0, discarded: 0 });
  });

  it('refuses a report that is larger than all there is, and keeps the others', () => {
    const { outbox } = new OutboxStage(library, { maxBytes: 1024 });
    const lane = outbox.reports('turns', { mode: 'append', deliver: new ReportSide('silence').deliver });
    lane.put('a');
    expect(() => lane.put(bytes(1100))).toThrow(expect.objectContaining({ code: 'outbox_full' }));
    expect(outbox.stats()).toMatchObject({ waiting: 1, dropped: 0 });
  });
});
