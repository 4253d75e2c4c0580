/** A page that stays, or stops, until the answer is saved: what the routes say of the settlement. */
import { describe, expect, it } from 'vitest';
import {
  ADAPTERS,
  codeOf,
  follow,
  getJson,
  postJson,
  type Served,
  serve,
  startJob,
  until,
} from './serving.js';

/** A host whose saves wait until they are let. */
async function slowSaver(
  adapter: (typeof ADAPTERS)[number],
): Promise<Served & { save: () => void; saves: () => number }> {
  let saving = 0;
  let save = () => {};
  const allowed = new Promise<void>((resolve) => {
    save = resolve;
  });
  const settle = () => {
    saving++;
    return allowed;
  };
  const served = await serve({ adapter, manager: { hooks: { settle }, options: { settledWaitMs: 60_000 } } });
  return { ...served, save, saves: () => saving };
}

const stateOf = (body: unknown) => (body as { settlement?: string }).settlement;

describe.each(ADAPTERS)('the routes behind the %s adapter', (adapter) => {
  it('L64 keep a response with ?settled=true open until it is saved, and then say so without an id', async () => {
    const { manager, url, save, saves } = await slowSaver(adapter);
    const job = await startJob(manager, 'chat-1');
    const staying = await follow(`${url}/stream/chat-1?settled=true`);
    const leaving = await follow(`${url}/stream/chat-1?settled=false`);
    await job.complete();
    await leaving.over;
    await until('the save has begun', () => saves() === 1);
    await until('the end is there', () => staying.events.length === 2);
    const end = `${job.generation}-2`;
    const back = await follow(`${url}/stream/chat-1?settled=true`, { 'last-event-id': end });
    expect(back.response.status, 'no 204 while it is open').toBe(200);
    expect((await getJson(`${url}/stream/chat-1?after=${end}`)).status).toBe(204);
    expect([staying.isOver(), back.isOver()]).toEqual([false, false]);
    const status = await getJson(`${url}/status/chat-1`);
    expect(status.body).toMatchObject({ settlement: 'settling', revision: 2, now: expect.any(Number) });
    save();
    expect(await staying.over).toBeUndefined();
    expect(await back.over).toBeUndefined();
    const told = { event: 'settled', data: '{"state":"settled"}', id: undefined };
    expect(staying.events.at(-1)).toEqual(told);
    expect(back.events).toEqual([told]);
    expect((await getJson(`${url}/stream/chat-1?after=${end}&settled=true`)).status).toBe(204);
    expect(stateOf((await getJson(`${url}/status/chat-1`)).body)).toBe('settled');
    for (const value of ['1', 'yes', '']) {
      const refused = await getJson(`${url}/stream/chat-1?settled=${value}`);
      expect([refused.status, codeOf(refused)]).toEqual([400, 'invalid_argument']);
    }
  });

  it('L63 answer a stop with ?wait=settled when it is saved, also what had ended before, and another one at once', async () => {
    const { manager, url, save, saves } = await slowSaver(adapter);
    const { generation } = await startJob(manager, 'chat-1');
    const told = await postJson(`${url}/abort`, { streamId: 'chat-1' });
    expect(told).toMatchObject({ status: 200, body: { aborted: true, settlement: expect.any(String) } });
    await until('the save has begun', () => saves() === 1);
    const again = await postJson(`${url}/abort`, { streamId: 'chat-1' });
    expect(again).toMatchObject({ status: 200, body: { aborted: false, settlement: 'settling' } });
    let answered = 0;
    const waits = [{ streamId: 'chat-1' }, { streamId: 'chat-1', generation }].map((body) =>
      postJson(`${url}/abort?wait=settled`, body).finally(() => answered++),
    );
    await until('they listen', async () => (await manager.stats()).process.followedStreams === 1);
    expect(answered).toBe(0);
    save();
    for (const answer of await Promise.all(waits)) {
      expect(answer).toMatchObject({
        status: 200,
        body: { aborted: false, settlement: 'settled', generation },
      });
    }
    const named = await postJson(`${url}/abort`, { streamId: 'chat-1', generation });
    expect([named.status, codeOf(named)]).toEqual([409, 'generation_ended']);
    const refused = await postJson(`${url}/abort?wait=saved`, { streamId: 'chat-1' });
    expect([refused.status, codeOf(refused)]).toEqual([400, 'invalid_argument']);
    const foreign = await postJson(
      `${url}/abort?wait=settled`,
      { streamId: 'chat-1' },
      { 'x-session': 'eve' },
    );
    expect([foreign.status, codeOf(foreign)]).toEqual([404, 'stream_not_found']);
  });
});
