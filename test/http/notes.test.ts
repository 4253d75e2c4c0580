/** What is added to an answer from outside its producer, as the routes tell it: to who stays, comes back, or has seen the end. */
import { describe, expect, it } from 'vitest';
import { ADAPTERS, codeOf, follow, getJson, serve, startJob, until } from './serving.js';

const hooks = {
  publicMetadata: ({ metadata }: { metadata: Readonly<Record<string, unknown>> }) =>
    metadata.title === undefined ? {} : { title: String(metadata.title) },
};
const saved = (id: number) => ({ key: 'saved', event: 'saved', data: { id } });
const told = (event: string, data: unknown) => ({ event, data: JSON.stringify(data), id: undefined });

const revisionOf = (answer: { body: unknown }) => (answer.body as { revision: number }).revision;

describe.each(ADAPTERS)('the routes behind the %s adapter', (adapter) => {
  it('L88 answer an end’s cursor with 204, and with ?notes=<revision> and something newer with 200 and that, without an id', async () => {
    const { manager, url } = await serve({ adapter, manager: { hooks } });
    const job = await startJob(manager, 'chat-1');
    await job.complete();
    const end = `${job.generation}-2`;
    const stream = `${url}/stream/chat-1?after=${end}`;
    const known = revisionOf(await getJson(`${url}/status/chat-1`));
    expect((await getJson(stream)).status).toBe(204);
    expect((await getJson(`${stream}&notes=${known}`)).status, 'nothing is newer').toBe(204);
    const { revision } = await manager.annotate('chat-1', { metadata: { title: 'T' }, notes: [saved(7)] });
    expect((await getJson(stream)).status, 'it does not ask').toBe(204);
    const back = await follow(`${url}/stream/chat-1?notes=${known}`, { 'last-event-id': end });
    expect(back.response.status).toBe(200);
    expect(await back.over).toBeUndefined();
    expect(back.events).toEqual([
      told('saved', { id: 7 }),
      told('updated', { metadata: { title: 'T' }, revision }),
    ]);
    expect((await getJson(`${stream}&notes=${revision}`)).status, 'it knows it all').toBe(204);
  });

  it('L88 tell who attaches with a cursor first the notes and what is shown of the metadata, and who stays each change', async () => {
    const { manager, url } = await serve({ adapter, manager: { hooks } });
    const job = await startJob(manager, 'chat-1');
    await manager.annotate('chat-1', { metadata: { title: 'T', secret: 's-1' }, notes: [saved(1)] });
    const reader = await follow(`${url}/stream/chat-1`, { 'last-event-id': `${job.generation}-1` });
    await until('it is told what is there', () => reader.events.length === 2);
    await manager.annotate('chat-1', { notes: [saved(2)] });
    await until('it is told the change', () => reader.events.length === 3);
    void job.emit({ event: 'text', data: { text: 'a' } });
    await job.complete();
    expect(await reader.over).toBeUndefined();
    expect(reader.events).toEqual([
      told('saved', { id: 1 }),
      told('updated', { metadata: { title: 'T' }, revision: 1 }),
      told('saved', { id: 2 }),
      { event: 'text', data: '{"text":"a"}', id: `${job.generation}-2` },
      { event: 'completed', data: '{"final":null}', id: `${job.generation}-3` },
    ]);
  });

  it('L88 refuse a malformed ?notes= as invalid_argument', async () => {
    const { manager, url } = await serve({ adapter });
    await startJob(manager, 'chat-1');
    for (const value of ['', '-1', '1.5', '01', 'x', '1-2', `${2 ** 53}`, '%20']) {
      const refused = await getJson(`${url}/stream/chat-1?notes=${value}`);
      expect([refused.status, codeOf(refused)], value).toEqual([400, 'invalid_argument']);
    }
  });
});
