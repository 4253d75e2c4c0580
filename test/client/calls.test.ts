/** The routes as calls: what they answer, what is tried again, and the errors by code and remedy. */
import { createStreamClient, StreamClientError } from 'generation-jobs/client';
import { textContent } from 'generation-jobs/content';
import { describe, expect, it } from 'vitest';
import { ask } from '../http/asking.js';
import { serve, startJob, until } from '../http/serving.js';
import { ANN, fetchAfter, followed } from './tools.js';

const lost = () => {
  throw new TypeError('fetch failed');
};
/** The request arrives, and its answer gets lost. */
const unanswered = async (...request: Parameters<typeof fetch>): Promise<Response> => {
  await (await fetch(...request)).text();
  throw new TypeError('terminated');
};

describe('status', () => {
  it('is the state that a sync has; null for what is not there, and for what is somebody else’s', async () => {
    const { manager, url } = await serve({ manager: { contentModels: [textContent()] } });
    const made = await manager.createJob({ streamId: 's-1', userId: 'ann', contentModel: 'text' });
    if (!made.started) throw new Error('not started');
    await made.job.emit({ event: 'text', data: { text: 'a' } });
    const client = createStreamClient({ url, headers: ANN });
    expect(await client.status('s-1')).toMatchObject({
      ...{ active: true, status: 'running', content: { text: 'a' }, cursor: `${made.job.generation}-2` },
    });
    expect(await client.status('s-2')).toBeNull();
    expect(await createStreamClient({ url, headers: { 'x-session': 'bob' } }).status('s-1')).toBeNull();
  });
});

describe('messages', () => {
  it('L104 are sent once though answers get lost, changed, cancelled and claimed; a following shows what waits', async () => {
    const { manager, url } = await serve({ routes: { messages: true } });
    const job = await startJob(manager, 's-1');
    const { generation } = job;
    const { fetch } = fetchAfter(unanswered, lost);
    const sender = createStreamClient({ url, headers: ANN, fetch });
    const client = createStreamClient({ url, headers: ANN });
    const { following, events } = followed(`${url}/stream/s-1`, { resume: true });
    await until('it follows', () => events.length > 0);
    const { messageId, ...sent } = await sender.send('s-1', 'one', { kind: 'preempt', generation });
    expect(sent).toMatchObject({ generation, position: 1 });
    const second = await client.send('s-1', { text: 'two' });
    await until('both wait', () => following.current.inbox.length === 2);
    await client.editMessage('s-1', messageId, 'ONE', { generation });
    await client.cancelMessage('s-1', second.messageId);
    await until('one waits', () => following.current.inbox.length === 1);
    expect(following.current.inbox).toMatchObject([{ messageId, message: 'ONE', kind: 'preempt', edits: 1 }]);
    await expect(client.editMessage('s-1', second.messageId, 'x')).rejects.toMatchObject({
      ...{ code: 'message_taken', status: 409, remedy: expect.stringContaining('another') },
    });
    expect(await job.inbox.take()).toMatchObject({ messageId });
    await until('none waits', () => following.current.inbox.length === 0);
    await client.send('s-1', 'late');
    await until('it waits', () => following.current.inbox.length === 1);
    expect((await client.abort('s-1', { generation })).unsent).toMatchObject([{ message: 'late' }]);
    await following.done;
    // Behind the end it is what never took effect.
    expect(following.current.inbox).toMatchObject([{ message: 'late' }]);
    expect(
      await createStreamClient({ url, headers: ANN, fetch: fetchAfter(unanswered).fetch }).claimUnsent('s-1'),
    ).toMatchObject([{ message: 'late', by: 'ann' }]);
    expect(await client.claimUnsent('s-1', { generation })).toEqual([]);
    await expect(client.send('s-1', 'x')).rejects.toMatchObject({ code: 'generation_ended' });
  });
});

describe('abort', () => {
  it('stops what is shown, once; what has ended is as good as stopped, and nothing newer is', async () => {
    const { manager, url } = await serve();
    const job = await startJob(manager, 's-1');
    const client = createStreamClient({ url, headers: ANN });
    const following = client.follow('s-1', { onEvent: () => {} });
    const { generation } = job;
    expect(await client.abort('s-1', { generation })).toMatchObject({
      ...{ aborted: true, generation, status: 'aborted', early: true },
    });
    await following.done;
    expect(following.current).toMatchObject({ generation, status: 'aborted' });
    const next = await startJob(manager, 's-1');
    expect(await client.abort('s-1', { generation })).toEqual({
      aborted: false,
      streamId: 's-1',
      generation,
    });
    expect((await manager.getJob('s-1'))?.status).toBe('running');
    expect(await client.abort('s-1', { wait: 'settled' })).toMatchObject({
      ...{ aborted: true, generation: next.generation, settlement: 'settled' },
    });
    await expect(client.abort('s-2')).rejects.toMatchObject({
      ...{ code: 'stream_not_found', status: 404, remedy: expect.stringContaining('Start a job') },
    });
  });

  it('is sent again while no answer comes, but never without a generation', async () => {
    const { manager, url } = await serve();
    const { generation } = await startJob(manager, 's-1');
    const { fetch, asked } = fetchAfter(lost, unanswered, lost);
    const client = createStreamClient({ url, headers: ANN, fetch });
    // The second try had stopped it.
    expect(await client.abort('s-1', { generation })).toEqual({
      aborted: false,
      streamId: 's-1',
      generation,
    });
    expect(asked).toHaveLength(4);
    const once = fetchAfter(lost);
    const other = createStreamClient({ url, headers: ANN, fetch: once.fetch });
    await expect(other.abort('s-1')).rejects.toMatchObject({ code: 'no_answer', status: undefined });
    expect(once.asked).toHaveLength(1);
  });
});

describe('decide', () => {
  it('a decision whose answer got lost is made once, and known again by its key', async () => {
    const served = await serve({ routes: { onResume: (job) => job.complete() } });
    const { generation } = await ask(served);
    const { fetch, asked } = fetchAfter(unanswered);
    const client = createStreamClient({ url: served.url, headers: ANN, fetch });
    const state = await createStreamClient({ url: served.url, headers: ANN }).status('chat-1');
    if (!state?.pendingAction) throw new Error('nothing is asked');
    await client.decide('chat-1', state.pendingAction, 'approve');
    expect(asked).toHaveLength(2);
    const [resolution] = await served.manager.approvals.history('chat-1');
    expect(resolution).toMatchObject({
      generation,
      by: 'ann',
      decisions: [{ id: 'call-1', decision: 'approve' }],
    });
    const late = client.decide('chat-1', state.pendingAction, 'reject');
    await expect(late).rejects.toBeInstanceOf(StreamClientError);
    await expect(late).rejects.toMatchObject({
      ...{ code: 'action_decided', status: 409, remedy: expect.stringContaining('Show the outcome') },
      outcome: { by: 'ann', decisions: [{ decision: 'approve' }] },
    });
  });

  it('what is decided is the action that was shown: another digest is refused', async () => {
    const served = await serve({ routes: { onResume: (job) => job.complete() } });
    const { action } = await ask(served);
    const client = createStreamClient({ url: served.url, headers: ANN });
    const forged = client.decide('chat-1', { ...action, payloadDigest: 'x' }, 'approve');
    await expect(forged).rejects.toMatchObject({ code: 'payload_changed', status: 409 });
    const { following, events } = followed(`${served.url}/stream/chat-1`);
    await client.decide('chat-1', action, {
      decisions: [{ id: 'call-1', decision: 'reject', reason: 'no' }],
    });
    await following.done;
    expect(events.find(({ event }) => event === 'resumed')?.data).toMatchObject({
      decisions: [{ id: 'call-1', decision: 'reject', reason: 'no' }],
    });
  });
});

it('a token that has expired is asked for once more, and a signal ends a call and its pauses', async () => {
  const { manager, url } = await serve();
  await startJob(manager, 's-1');
  const refused: (number | undefined)[] = [];
  const { fetch } = fetchAfter(() => new Response('{}', { status: 401 }));
  const client = createStreamClient({
    ...{ url, fetch },
    headers: (request) => {
      refused.push(request.refused);
      return ANN;
    },
  });
  expect(await client.status('s-1')).toMatchObject({ status: 'running' });
  expect(refused).toEqual([undefined, 401]);
  const leaving = new AbortController();
  const away = fetchAfter(() => {
    setTimeout(() => leaving.abort(), 1);
    return lost();
  });
  const other = createStreamClient({ url, headers: ANN, fetch: away.fetch });
  const left = await other.status('s-1', { signal: leaving.signal }).catch((error: unknown) => error);
  expect(left).toBe(leaving.signal.reason);
  expect(away.asked).toHaveLength(1);
});
