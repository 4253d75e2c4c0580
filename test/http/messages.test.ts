/** Messages to the answer that is being made, as a page sends them: the routes, who may, and what a reader is shown. */
import { describe, expect, it } from 'vitest';
import { ADAPTERS, codeOf, follow, getJson, postJson, serve, startJob, until } from './serving.js';

const routes = { messages: true };
const SEND = { streamId: 'chat-1', message: { text: 'Shorter.' } };
const messageIdIn = (answer: { body: unknown }) => (answer.body as { messageId: string }).messageId;

describe.each(ADAPTERS)('the routes of messages behind the %s adapter', (adapter) => {
  it('L104 send, edit and cancel a message; readers are shown the list without an id, and the message where it took effect', async () => {
    const { manager, url } = await serve({ adapter, routes });
    const job = await startJob(manager, 'chat-1');
    const reader = await follow(`${url}/stream/chat-1`);
    const sent = await postJson(`${url}/messages`, { ...SEND, kind: 'preempt', idempotencyKey: 'k' });
    const messageId = messageIdIn(sent);
    const { generation } = job;
    expect(sent).toEqual({
      status: 202,
      body: { streamId: 'chat-1', messageId, generation, position: 1, created: true },
    });
    const again = await postJson(`${url}/messages`, { ...SEND, generation, idempotencyKey: 'k' });
    expect(again.body).toMatchObject({ messageId, created: false });
    const second = messageIdIn(await postJson(`${url}/messages`, SEND));
    const edited = await postJson(`${url}/messages/edit`, {
      streamId: 'chat-1',
      messageId,
      message: 'Long.',
    });
    expect(edited).toEqual({ status: 200, body: { streamId: 'chat-1', messageId, edited: true } });
    const cancelled = await postJson(`${url}/messages/cancel`, { streamId: 'chat-1', messageId: second });
    expect(cancelled).toEqual({
      status: 200,
      body: { streamId: 'chat-1', messageId: second, cancelled: true },
    });
    const status = await getJson(`${url}/status/chat-1`);
    const waiting = { messageId, kind: 'preempt', message: 'Long.', by: 'ann', edits: 1 };
    expect(status.body).toMatchObject({ inbox: [waiting], unsent: [] });
    const taken = await job.inbox.take();
    await job.complete();
    expect(await reader.over).toBeUndefined();
    const lists = reader.events.filter(({ event }) => event === 'inbox');
    expect(lists.length).toBeGreaterThan(0);
    expect(lists.every(({ id }) => id === undefined)).toBe(true);
    expect(reader.events.filter(({ event }) => event === 'message')).toEqual([
      { event: 'message', data: JSON.stringify(taken), id: `${generation}-2` },
    ]);
  });

  it('L104 refuse by name, and answer nobody’s, another’s and no stream alike', async () => {
    const limits = { messageBytes: 64, inboxMessages: 1 };
    const { manager, url } = await serve({ adapter, routes, manager: { options: { limits } } });
    const job = await startJob(manager, 'chat-1');
    const paths = ['messages', 'messages/edit', 'messages/cancel', 'messages/claim'];
    const bodies = [
      SEND,
      { ...SEND, messageId: 'm' },
      { streamId: 'chat-1', messageId: 'm' },
      { streamId: 'chat-1' },
    ];
    for (const [at, path] of paths.entries()) {
      const body = bodies[at] as object;
      for (const session of ['bob', 'acme/ann'])
        expect(codeOf(await postJson(`${url}/${path}`, body, { 'x-session': session })), path).toBe(
          'stream_not_found',
        );
      const absent = await postJson(`${url}/${path}`, { ...body, streamId: 'none' });
      expect([absent.status, codeOf(absent)], path).toEqual([404, 'stream_not_found']);
      expect(codeOf(await postJson(`${url}/${path}`, { ...body, streamId: '' })), path).toBe(
        'invalid_stream_id',
      );
      expect(codeOf(await postJson(`${url}/${path}`, { ...body, more: 1 })), path).toBe('invalid_body');
      expect(codeOf(await postJson(`${url}/${path}`, body, { origin: 'https://evil.example' })), path).toBe(
        'origin_refused',
      );
      const got = await getJson(`${url}/${path}`);
      expect([got.status, codeOf(got), got.headers.get('allow')], path).toEqual([
        405,
        'method_not_allowed',
        'POST, OPTIONS',
      ]);
    }
    for (const [code, body] of [
      ['invalid_body', { streamId: 'chat-1' }],
      ['invalid_argument', { ...SEND, kind: 'a b' }],
      ['message_too_large', { ...SEND, message: 'x'.repeat(64) }],
      ['stream_not_found', { ...SEND, generation: 7 }],
    ] as const)
      expect(codeOf(await postJson(`${url}/messages`, body)), code).toBe(code);
    expect((await getJson(`${url}/status/chat-1`)).body).toMatchObject({ inbox: [], revision: 0 });
    expect((await postJson(`${url}/messages`, SEND)).status).toBe(202);
    const full = await postJson(`${url}/messages`, SEND);
    expect([full.status, codeOf(full)]).toEqual([429, 'inbox_full']);
    const unknown = await postJson(`${url}/messages/cancel`, { streamId: 'chat-1', messageId: 'm' });
    expect([unknown.status, codeOf(unknown)]).toEqual([409, 'message_taken']);
    await job.complete();
    const late = await postJson(`${url}/messages`, SEND);
    expect([late.status, codeOf(late)]).toEqual([409, 'generation_ended']);
  });

  it('L107 hand back what never took effect: shown by the stop and the status, claimed once', async () => {
    const { manager, url } = await serve({ adapter, routes });
    const job = await startJob(manager, 'chat-1');
    await postJson(`${url}/messages`, SEND);
    const stopped = await postJson(`${url}/abort`, { streamId: 'chat-1' });
    expect(stopped.body).toMatchObject({ aborted: true, unsent: [{ message: SEND.message }] });
    expect((await getJson(`${url}/status/chat-1`)).body).toMatchObject({
      inbox: [],
      unsent: [{ by: 'ann' }],
    });
    const claim = { streamId: 'chat-1', generation: job.generation };
    const mine = { ...claim, claimId: 'tab-1' };
    for (let n = 0; n < 2; n++) {
      const claimed = await postJson(`${url}/messages/claim`, mine);
      expect(claimed).toMatchObject({ status: 200, body: { messages: [{ message: SEND.message }] } });
    }
    expect((await postJson(`${url}/messages/claim`, claim)).body).toEqual({
      streamId: 'chat-1',
      messages: [],
    });
    expect((await getJson(`${url}/status/chat-1`)).body).toMatchObject({ unsent: [] });
  });

  it('are there only where the host has asked for them', async () => {
    const { manager, url } = await serve({ adapter });
    await startJob(manager, 'chat-1');
    const response = await fetch(`${url}/messages`, { method: 'POST', headers: { 'x-session': 'ann' } });
    expect(response.status).toBe(404);
    await until('nothing was taken', async () => (await manager.getJob('chat-1'))?.inbox.length === 0);
  });
});
