/** Runs that wait for their turn, as a page sees and changes them: the routes, who may, and how one of them is followed. */
import type { EnqueueJobInput, GenerationJobManager, Hooks } from 'generation-jobs';
import { describe, expect, it } from 'vitest';
import {
  ADAPTERS,
  codeOf,
  follow,
  getJson,
  postJson,
  type Reader,
  send,
  serve,
  startJob,
  until,
} from './serving.js';

const startQueued: NonNullable<Hooks['startQueued']> = (job, { queueId }) =>
  job.emit({ event: 'text', data: { text: queueId } });
const QUEUES = { hooks: { startQueued }, options: { logPollMs: 100 } } as const;

async function enqueue(
  manager: GenerationJobManager,
  streamId: string,
  over: Partial<EnqueueJobInput> = {},
): Promise<string> {
  const made = await manager.createJob({ streamId, userId: 'ann', ...over, onConflict: 'enqueue' });
  if (made.queued === undefined) throw new Error('It does not wait.');
  return made.queued.queueId;
}

const told = ({ events }: Reader) =>
  events.map(({ event, data }) => (event === 'queued' ? `queued ${JSON.parse(data).position}` : event));

describe.each(ADAPTERS)('the routes of a queue behind the %s adapter', (adapter) => {
  it('L167 list what waits, in its order, move and cancel it, and go on behind a stop', async () => {
    const { manager, url } = await serve({ adapter, manager: QUEUES });
    const job = await startJob(manager, 'chat-1');
    const first = await enqueue(manager, 'chat-1', { created: { text: 'One' }, conversationId: 'c' });
    const second = await enqueue(manager, 'chat-1', { created: { text: 'Two' } });
    const listed = await getJson(`${url}/queue/chat-1`);
    expect(listed).toMatchObject({
      status: 200,
      body: {
        ...{ streamId: 'chat-1', returned: [], held: false },
        waiting: [
          { queueId: first, position: 1, conversationId: 'c', created: { text: 'One' } },
          { queueId: second, position: 2, created: { text: 'Two' } },
        ],
      },
    });
    expect(listed.headers.get('cache-control')).toBe('private, no-store');
    const moved = await postJson(`${url}/queue/move`, { streamId: 'chat-1', queueId: second, position: 1 });
    expect(moved).toMatchObject({
      status: 200,
      body: { streamId: 'chat-1', waiting: [{ queueId: second }, { queueId: first }] },
    });
    const cancelled = await postJson(`${url}/queue/cancel`, { streamId: 'chat-1', queueId: second });
    expect(cancelled).toMatchObject({
      status: 200,
      body: {
        ...{ streamId: 'chat-1', queueId: second, cancelled: true },
        run: { queueId: second, created: { text: 'Two' } },
      },
    });
    expect((await postJson(`${url}/queue/resume`, { streamId: 'chat-1' })).body).toEqual({
      streamId: 'chat-1',
      resumed: false,
    });
    const { body: stopped } = await postJson(`${url}/abort`, { streamId: 'chat-1' });
    expect(stopped).toMatchObject({ aborted: true, generation: job.generation });
    expect(stopped).not.toHaveProperty('unqueued');
    await until('it is held', async () => {
      const { body } = await getJson(`${url}/queue/chat-1`);
      return (body as { held: boolean }).held;
    });
    expect(await postJson(`${url}/queue/resume`, { streamId: 'chat-1' })).toEqual({
      status: 200,
      body: { streamId: 'chat-1', resumed: true },
    });
    await until('it has run', async () => (await manager.getJob('chat-1'))?.createId === first);
    expect((await getJson(`${url}/queue/chat-1`)).body).toMatchObject({ waiting: [], held: false });
  });

  it('L167 tell a reader the position of its run without an id, then its generation, and go on from its cursor', async () => {
    const { manager, url, port } = await serve({ adapter, manager: QUEUES, routes: { recheckMs: 20 } });
    const job = await startJob(manager, 'chat-1');
    const [first, second] = [await enqueue(manager, 'chat-1'), await enqueue(manager, 'chat-1')];
    const reader = await follow(`${url}/stream/chat-1?queue=${second}&generation=7`);
    expect(reader.response.status).toBe(200);
    await until('it waits', () => reader.events.length === 1);
    await postJson(`${url}/queue/cancel`, { streamId: 'chat-1', queueId: first });
    await until('it is told', () => reader.events.length === 2);
    await job.complete();
    expect(await reader.over).toBeUndefined();
    expect(told(reader)).toEqual(['queued 2', 'queued 1', 'created', 'text', 'completed']);
    expect(reader.events.slice(0, 2).every(({ id }) => id === undefined)).toBe(true);
    expect(JSON.parse(reader.events[1]?.data ?? '')).toEqual({ queueId: second, position: 1 });
    expect(reader.events[3]).toMatchObject({ data: JSON.stringify({ text: second }) });
    const cursor = reader.events[3]?.id ?? '';
    const back = await follow(`${url}/stream/chat-1?queue=${second}`, { 'last-event-id': cursor });
    await back.over;
    expect(told(back)).toEqual(['completed']);
    const head = await send(port, 'HEAD', `stream/chat-1?queue=${second}`);
    expect(head.status).toBe(200);
  });

  it('L167 keep a reader whose stream has nothing but its run, and end with a run that was cancelled', async () => {
    const options = { ...QUEUES.options, limits: { activeJobsPerUser: 1 } };
    const { manager, url, port } = await serve({
      adapter,
      manager: { ...QUEUES, options },
      routes: { recheckMs: 20, heartbeatMs: 20 },
    });
    await startJob(manager, 'chat-1');
    const queueId = await enqueue(manager, 'chat-2');
    const reader = await follow(`${url}/stream/chat-2?queue=${queueId}&heartbeat=event`);
    await until('access was asked for again', () => reader.events.length > 10);
    expect(told(reader).filter((name) => name !== 'heartbeat')).toEqual(['queued 1']);
    expect((await send(port, 'HEAD', `stream/chat-2?queue=${queueId}`)).status).toBe(200);
    expect((await send(port, 'HEAD', `stream/chat-2`)).status).toBe(404);
    const plain = await getJson(`${url}/stream/chat-2`);
    expect([plain.status, codeOf(plain)]).toEqual([404, 'stream_not_found']);
    await postJson(`${url}/queue/cancel`, { streamId: 'chat-2', queueId });
    expect(await reader.over).toBeUndefined();
    expect(JSON.parse(reader.events.filter(({ event }) => event === 'queued').at(-1)?.data ?? '')).toEqual({
      ...{ queueId, position: 0 },
      reason: 'cancelled',
    });
    const late = await getJson(`${url}/stream/chat-2?queue=${queueId}`);
    expect([late.status, codeOf(late)]).toEqual([404, 'stream_not_found']);
  });

  it('L167 hand back what a stop has cleared away, also where the answer has ended', async () => {
    const { manager, url } = await serve({ adapter, manager: QUEUES });
    const job = await startJob(manager, 'chat-1');
    const first = await enqueue(manager, 'chat-1', { created: { text: 'One' } });
    const place = { streamId: 'chat-1', generation: job.generation };
    const stopped = await postJson(`${url}/abort?queue=clear`, place);
    expect(stopped).toMatchObject({
      status: 200,
      body: { aborted: true, unqueued: [{ queueId: first, created: { text: 'One' } }] },
    });
    const again = await postJson(`${url}/abort?queue=clear`, place);
    expect(again).toMatchObject({ status: 200, body: { aborted: false, unqueued: [] } });
    const refused = await postJson(`${url}/abort?queue=all`, place);
    expect([refused.status, codeOf(refused)]).toEqual([400, 'invalid_argument']);
  });

  it('L167 refuse by name, and answer nobody’s, another’s and no stream alike', async () => {
    const { manager, url } = await serve({ adapter, manager: QUEUES });
    await startJob(manager, 'chat-1');
    const queueId = await enqueue(manager, 'chat-1');
    const named = { streamId: 'chat-1', queueId };
    const bodies = {
      'queue/cancel': named,
      'queue/move': { ...named, position: 1 },
      'queue/resume': { streamId: 'chat-1' },
    };
    const nothing = { waiting: [], returned: [], held: false };
    for (const session of ['bob', 'acme/ann']) {
      const headers = { 'x-session': session };
      expect((await getJson(`${url}/queue/chat-1`, headers)).body).toEqual({
        streamId: 'chat-1',
        ...nothing,
      });
      for (const [path, body] of Object.entries(bodies).slice(0, 2)) {
        const refused = await postJson(`${url}/${path}`, body, headers);
        expect([refused.status, codeOf(refused)], path).toEqual([409, 'run_not_queued']);
      }
      const resumed = await postJson(`${url}/queue/resume`, bodies['queue/resume'], headers);
      expect(resumed.body).toEqual({ streamId: 'chat-1', resumed: false });
      const followed = await getJson(`${url}/stream/chat-1?queue=${queueId}`, headers);
      expect([followed.status, codeOf(followed)]).toEqual([404, 'stream_not_found']);
    }
    expect((await fetch(`${url}/queue/chat-1`)).status, 'nobody').toBe(404);
    for (const [path, body] of Object.entries(bodies)) {
      expect(codeOf(await postJson(`${url}/${path}`, { ...body, streamId: '' })), path).toBe(
        'invalid_stream_id',
      );
      expect(codeOf(await postJson(`${url}/${path}`, { ...body, more: 1 })), path).toBe('invalid_body');
      expect(codeOf(await postJson(`${url}/${path}`, body, { origin: 'https://evil.example' })), path).toBe(
        'origin_refused',
      );
      // A stream may be called as one of the changes is.
      const got = await getJson(`${url}/${path}`);
      expect([got.status, got.body], path).toEqual([200, { streamId: path.slice(6), ...nothing }]);
    }
    for (const position of [0, 1.5, '1'])
      expect(codeOf(await postJson(`${url}/queue/move`, { ...named, position }))).toBe('invalid_body');
    const posted = await postJson(`${url}/queue/chat-1`, {});
    expect([posted.status, codeOf(posted)]).toEqual([405, 'method_not_allowed']);
    expect(codeOf(await getJson(`${url}/queue/a%20b`))).toBe('invalid_stream_id');
    for (const query of ['queue=', `queue=${'q'.repeat(129)}`]) {
      const refused = await getJson(`${url}/stream/chat-1?${query}`);
      expect([refused.status, codeOf(refused)], query).toEqual([400, 'invalid_argument']);
    }
    for (const query of ['queue=none', `queue=${queueId}x`]) {
      const refused = await getJson(`${url}/stream/chat-1?${query}`);
      expect([refused.status, codeOf(refused)], query).toEqual([404, 'stream_not_found']);
    }
    expect((await manager.queue.list('chat-1')).waiting).toMatchObject([{ queueId }]);
  });

  it('are there only where the manager starts what waits', async () => {
    const { manager, url } = await serve({ adapter });
    await startJob(manager, 'chat-1');
    const response = await fetch(`${url}/queue/chat-1`, { headers: { 'x-session': 'ann' } });
    expect(response.status).toBe(404);
  });
});
