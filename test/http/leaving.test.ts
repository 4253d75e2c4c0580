import { createStreamServices } from 'generation-jobs';
import { describe, expect, it } from 'vitest';
import { wrapStore } from '../../src/testing/wrapped-store.js';
import { ADAPTERS, follow, postJson, type Reader, serve, startJob, until } from './serving.js';

function lastIdOf(reader: Reader): string {
  const id = reader.events.findLast((event) => event.id !== undefined)?.id;
  if (id === undefined) throw new Error('nothing was read');
  return id;
}

describe.each(ADAPTERS)('readers of a replica that leaves, behind the %s adapter', (adapter) => {
  it('are told to come back and go on elsewhere, 100 of them on 5 jobs, without a lost event (F26)', async () => {
    const services = createStreamServices();
    const here = await serve({ adapter, services });
    const there = await serve({ adapter, services });
    const names = ['a', 'b', 'c', 'd', 'e'];
    const jobs = await Promise.all(names.map((name) => startJob(here.manager, name)));
    const pieces = (from: number, to: number) => {
      for (const job of jobs) for (let i = from; i < to; i++) void job.emit({ event: 'text', data: i });
    };
    pieces(0, 50);
    const readers = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const name = names[index % names.length] ?? '';
        return { name, reader: await follow(`${here.url}/stream/${name}`) };
      }),
    );
    await until('every reader to have begun', () => readers.every(({ reader }) => reader.events.length > 0));
    pieces(50, 60);
    const drained = here.manager.drain({ graceMs: 60_000 });
    pieces(60, 100);
    expect(await Promise.all(readers.map(({ reader }) => reader.over))).toEqual(Array(100).fill(undefined));
    for (const { reader } of readers) {
      expect(reader.retries).toHaveLength(2);
      expect(reader.retries[1]).toBeGreaterThanOrEqual(100);
      expect(reader.retries[1]).toBeLessThanOrEqual(1000);
      expect(reader.comments).toContain('draining');
    }
    expect(new Set(readers.map(({ reader }) => reader.retries[1])).size, 'not all at once').toBeGreaterThan(
      10,
    );

    const again = await Promise.all(
      readers.map(async ({ name, reader }) => ({
        earlier: reader,
        later: await follow(`${there.url}/stream/${name}`, { 'last-event-id': lastIdOf(reader) }),
      })),
    );
    await Promise.all(jobs.map((job) => job.complete()));
    await drained;
    await Promise.all(again.map(({ later }) => later.over));
    for (const { earlier, later } of again) {
      const events = [...earlier.events, ...later.events];
      const texts = events.filter(({ event }) => event === 'text').map(({ data }) => Number(data));
      expect(texts).toEqual(Array.from({ length: 100 }, (_, index) => index));
      expect(events.at(-1)?.event).toBe('completed');
    }
    await expect(startJob(here.manager, 'new')).rejects.toMatchObject({ code: 'draining' });
  });

  it('that come to a draining replica are sent away in a way a browser’s EventSource survives (F26)', async () => {
    const { manager, url } = await serve({ adapter });
    const job = await startJob(manager, 'chat-1');
    const drained = manager.drain({ graceMs: 60_000 });
    const reader = await follow(`${url}/stream/chat-1`);
    expect(await reader.over).toBeUndefined();
    expect([reader.response.status, reader.events.length]).toEqual([200, 0]);
    expect(reader.retries).toHaveLength(1);
    const nobody = await fetch(`${url}/stream/chat-1`);
    expect(nobody.status).toBe(404);
    await job.complete();
    await drained;
  });

  it('go on elsewhere from Last-Event-ID when it dies without a word, and are counted no more (F27)', async () => {
    const services = createStreamServices();
    const producing = await serve({ adapter, services });
    const dying = await serve({ adapter, services });
    const job = await startJob(producing.manager, 'chat-1');
    const readers = await Promise.all(Array.from({ length: 10 }, () => follow(`${dying.url}/stream/chat-1`)));
    for (let i = 0; i < 20; i++) void job.emit({ event: 'text', data: i });
    await until('some events', () => readers.every((reader) => reader.events.length > 10));
    dying.cut();
    await Promise.all(readers.map(({ over }) => over));
    await until('no followers', () => dying.manager.followerCount('chat-1') === 0);
    expect((await dying.manager.stats()).process).toMatchObject({ followers: 0, followedStreams: 0 });
    for (let i = 20; i < 40; i++) void job.emit({ event: 'text', data: i });
    const again = await Promise.all(
      readers.map((reader) =>
        follow(`${producing.url}/stream/chat-1`, { 'last-event-id': lastIdOf(reader) }),
      ),
    );
    await job.complete();
    await Promise.all(again.map(({ over }) => over));
    for (const [index, reader] of readers.entries()) {
      const events = [...reader.events, ...(again[index]?.events ?? [])];
      expect(events.map(({ id }) => id)).toEqual(
        Array.from({ length: 42 }, (_, sequence) => `${job.generation}-${sequence + 1}`),
      );
    }
  });

  it('leave nothing behind when they leave themselves, 50 times over', async () => {
    const { manager, url } = await serve({ adapter });
    const job = await startJob(manager, 'chat-1');
    for (let i = 0; i < 50; i++) {
      const reader = await follow(`${url}/stream/chat-1`);
      reader.leave();
      await reader.over;
    }
    await until('no followers', () => manager.followerCount('chat-1') === 0);
    await job.complete();
  });
});

describe('a generation that is stopped as it is taken over', () => {
  it('does not begin again there: what was stopped runs no tool', async () => {
    const { jobStore, ...rest } = createStreamServices();
    let answer = () => {};
    const isToAnswer = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let isTaken = false;
    const store = wrapStore(jobStore, async ({ method, args }, perform) => {
      const reply = await perform();
      if (method !== 'commit' || (args[0] as { name?: string }).name !== 'recover') return reply;
      isTaken = true;
      await isToAnswer;
      return reply;
    });
    const services = { ...rest, jobStore: { ...store, shared: true } };
    let runs = 0;
    const manager = { hooks: { recover: () => runs++ } };
    const here = await serve({ services, manager });
    const there = await serve({ services, manager });
    await startJob(here.manager, 'chat-1');
    await here.manager.drain({ graceMs: 0 }); // hands it over
    const swept = there.manager.upkeep.sweep();
    await until('the take-over', () => isTaken);
    const stopped = await postJson(`${here.url}/abort`, { streamId: 'chat-1' });
    expect(stopped).toMatchObject({ status: 200, body: { aborted: true } });
    answer();
    await swept;
    await there.manager.upkeep.idle();
    expect(runs).toBe(0);
    expect((await there.manager.stats()).process.producing).toBe(0);
  });
});
