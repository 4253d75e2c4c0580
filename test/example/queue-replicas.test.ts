/** Messages that wait for their turn in the example, on several replicas: whichever is there answers them, in their order. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ChatClient, providerEvents, recordedEvents } from '../support/chat-client.js';
import { type ChatProcess, type ChatReplica, startChat } from '../support/chat-process.js';
import { RedisServer } from '../support/redis-server.js';

const RECORDING = 'openai-responses.reasoning-tool';
const FAST = 1_000_000;
/** A condition that doesn't hold by then won't. */
const WAIT = { interval: 20, timeout: 30_000 };

let redis: RedisServer;
let chat: ChatProcess;

beforeAll(async () => {
  redis = await RedisServer.start();
  const env = { REDIS_URL: `redis://127.0.0.1:${redis.port}`, LEASE_MS: '1000' };
  chat = await startChat({ args: ['--replicas', '2'], env });
});

afterAll(async () => {
  expect(await chat?.stop()).toBe(0);
  await redis?.stop();
});

interface Queued {
  readonly status: string;
  readonly queueId: string;
  readonly position: number;
}

it('L169 are answered in their order, though the replica that makes the answer before is killed, and followed on the other', async () => {
  const [one, two] = chat.replicas as [ChatReplica, ChatReplica];
  const at = ({ url }: { readonly url: string }) => new ChatClient(url, 'ann');
  const choice = { recording: RECORDING, tokensPerSecond: FAST };
  const { streamId } = await at(one).start({ ...choice, text: 'One', tokensPerSecond: 40 });
  const queued: Queued[] = [];
  for (const text of ['Two', 'Three']) {
    const request = { ...choice, text, conversationId: streamId, onConflict: 'enqueue' };
    queued.push((await at(one).start(request)) as unknown as Queued);
  }
  expect(queued.map(({ status, position }) => [status, position])).toEqual([
    ['queued', 1],
    ['queued', 2],
  ]);
  const [, last] = queued as [Queued, Queued];
  const following = await at(two).attach(`${streamId}?queue=${last.queueId}`);
  process.kill(one.pid, 'SIGKILL');
  const events = await following.events;
  expect(events[0]).toMatchObject({ event: 'queued', data: { queueId: last.queueId, position: 2 } });
  expect(events.at(-1)?.event).toBe('completed');
  expect(providerEvents(events)).toEqual(recordedEvents(RECORDING));
  const generations = new Set(events.flatMap(({ id }) => (id === '' ? [] : [id.split('-')[0]])));
  expect(generations.size, 'its own answer alone').toBe(1);
  const promptsSaved = async () => {
    const { turns } = await at(two).json<{ turns: { prompt: string; status: string }[] }>(
      `/conversations/${streamId}`,
    );
    return turns.map(({ prompt, status }) => `${prompt} ${status}`);
  };
  await vi.waitFor(
    async () => expect(await promptsSaved()).toEqual(['One completed', 'Two completed', 'Three completed']),
    WAIT,
  );
});
