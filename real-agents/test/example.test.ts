/** The example with a real agent: asked at one place, decided at another. */
import type { PublicAction } from 'generation-jobs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ChatClient } from '../../test/support/chat-client.js';
import { startChat } from '../../test/support/chat-process.js';
import { startMongo, type TestMongo } from '../../test/support/mongo.js';

/** The SDK takes its time at the first run, and more on a busy machine. */
const WAIT = { interval: 20, timeout: 60_000 };

let mongo: TestMongo;
beforeAll(async () => {
  mongo = await startMongo();
});
afterAll(() => mongo.stop());

interface Status {
  readonly status: string;
  readonly pendingAction: PublicAction | null;
  readonly content: { readonly text: string; readonly tools: readonly { name: string; detail: string }[] };
  readonly usage: Record<string, number>;
}

async function asked(client: ChatClient, streamId: string): Promise<PublicAction> {
  const action = await vi.waitFor(async () => {
    const { pendingAction } = await client.json<Status>(`/status/${streamId}`);
    if (pendingAction === null) throw new Error('it has not asked yet');
    return pendingAction;
  }, WAIT);
  expect(action.requests).toMatchObject([
    { name: 'send_money', arguments: { to: 'Bob', amount: 25 }, description: 'send_money moves money' },
  ]);
  return action;
}

async function decide(
  client: ChatClient,
  streamId: string,
  action: PublicAction,
  said: object,
): Promise<void> {
  const { actionId, payloadDigest, requests } = action;
  const decisions = [{ id: requests[0]?.id, ...said }];
  const response = await client.post('/resume', { streamId, actionId, payloadDigest, decisions });
  expect(response.status).toBe(202);
}

async function completed(client: ChatClient, streamId: string): Promise<Status> {
  return vi.waitFor(async () => {
    const status = await client.json<Status>(`/status/${streamId}`);
    if (status.status !== 'completed') throw new Error(`it is ${status.status}`);
    return status;
  }, WAIT);
}

describe('npm start -- --agent', () => {
  it('runs a tool nobody has to allow, asks before one that moves money, and does as it is told', async () => {
    const chat = await startChat({ args: ['--agent'] });
    const client = new ChatClient(chat.url, 'ann');
    const { streamId } = await client.start({ text: 'What time is it?' });
    const first = await completed(client, streamId);
    expect(first.content.tools).toMatchObject([{ name: 'clock', detail: expect.stringMatching(/^\d{4}-/) }]);
    for (const [said, detail] of [
      [{ decision: 'approve' }, 'Sent 25 to Bob (in play money).'],
      [{ decision: 'edit', arguments: { to: 'Eve', amount: 1 } }, 'Sent 1 to Eve (in play money).'],
      [{ decision: 'reject', reason: 'no' }, 'Blocked: no'],
      [{ decision: 'respond', text: 'The bank is closed.' }, 'The bank is closed.'],
    ] as const) {
      await client.start({ text: 'Send 25 to Bob, money please', conversationId: streamId });
      await decide(client, streamId, await asked(client, streamId), said);
      const { content, usage } = await completed(client, streamId);
      expect(content.tools).toMatchObject([{ name: 'send_money', detail }]);
      expect(content.text).toContain('Anything else?');
      expect(usage).toMatchObject({ output_tokens: 10 });
    }
    expect(await chat.stop()).toBe(0);
  });

  it('goes on at another replica when its checkpoints are in Mongo, also when the one that asked is gone (F30)', async () => {
    const args = ['--agent', '--replicas', '2'];
    const chat = await startChat({ args, env: { MONGO_URL: mongo.uri } });
    const [one, two] = chat.replicas.map(({ url }) => new ChatClient(url, 'ann'));
    if (one === undefined || two === undefined) throw new Error('there are no two replicas');
    const { streamId } = await one.start({ text: 'Send 25 to Bob, money please' });
    const action = await asked(two, streamId);
    process.kill(chat.replicas[0]?.pid ?? 0, 'SIGKILL');
    await decide(two, streamId, action, { decision: 'approve' });
    const { content } = await completed(two, streamId);
    expect(content.tools).toMatchObject([{ detail: 'Sent 25 to Bob (in play money).' }]);
    expect(await chat.stop()).toBe(0);
  });
});
