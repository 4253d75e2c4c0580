import type { EventSourceMessage } from 'eventsource-parser';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { followed, opened, post, textOf } from '../support/following.js';
import { compiledExample, type Program, startProgram } from '../support/programs.js';
import { RedisServer } from '../support/redis-server.js';

const ANSWER = 'Once upon a time there was an answer that nobody had to wait for twice. ';

let redis: RedisServer;
let file: string;

beforeAll(async () => {
  redis = await RedisServer.start();
  file = compiledExample('redis');
});

afterAll(() => redis?.stop());

function startReplica(): Promise<Program> {
  return startProgram(file, { REDIS_URL: `redis://127.0.0.1:${redis.port}` });
}

it('an answer begun at one process is followed and stopped at another, saved once, and both end when told to', async () => {
  const [one, other] = [await startReplica(), await startReplica()];
  const { streamId } = (await post(`${one.url}/api/chat`)).body;
  expect(await (await fetch(other.url)).text()).toContain('survives a reload');
  const events = await followed(`${other.url}/api/chat/stream/${streamId}`);
  expect(textOf(events)).toBe(ANSWER);
  await expect.poll(() => saved(one, other)).toEqual(['completed']);

  const next = (await post(`${one.url}/api/chat`)).body;
  const stopped: EventSourceMessage[] = [];
  for await (const event of await opened(`${other.url}/api/chat/stream/${next.streamId}`)) {
    stopped.push(event);
    if (stopped.length === 3) await post(`${other.url}/api/chat/abort`, { streamId: next.streamId });
  }
  expect(stopped.at(-1)?.event).toBe('aborted');
  expect(await Promise.all([one.end('SIGTERM'), other.end('SIGTERM')])).toEqual([0, 0]);
});

it('an answer whose process is killed is started over by another one within the lease, and its followers see it', async () => {
  const [doomed, other] = [await startReplica(), await startReplica()];
  const { streamId } = (await post(`${doomed.url}/api/chat`)).body;
  const events: EventSourceMessage[] = [];
  for await (const event of await opened(`${other.url}/api/chat/stream/${streamId}?resume=true`)) {
    events.push(event);
    if (events.length === 3) await doomed.end('SIGKILL');
  }
  expect(events.map(({ event }) => event)).toContain('recovered');
  expect(events.at(-1)?.event).toBe('completed');
  expect(textOf(events)).toBe(ANSWER);
  await expect.poll(() => saved(other)).toEqual(['completed']);
  expect(await other.end('SIGTERM')).toBe(0);
});

/** With what status answers were saved, by whichever process. */
function saved(...programs: readonly Program[]): string[] {
  return programs.flatMap((program) => {
    return [...program.output().matchAll(/^save \S+ (\w+)/gm)].map(([, status = '']) => status);
  });
}
