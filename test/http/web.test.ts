import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { createStreamHandler } from 'generation-jobs/web';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from './serving.js';

const managers: GenerationJobManager[] = [];

afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close();
});

async function setUp(options: { stallMs?: number } = {}) {
  const manager = new GenerationJobManager(createStreamServices());
  managers.push(manager);
  const handler = createStreamHandler(manager, {
    ...options,
    basePath: '/jobs',
    authorize: () => ({ userId: 'ann' }),
  });
  const made = await manager.createJob({ streamId: 'chat-1', userId: 'ann' });
  if (!made.started) throw new Error('not started');
  return { manager, handler, job: made.job };
}

describe('the handler for Web requests', () => {
  it('gives a Response whose body holds no more than its mark while nobody reads it (A10)', async () => {
    const { manager, handler, job } = await setUp({ stallMs: 200 });
    const response = await handler(new Request('http://localhost/jobs/stream/chat-1'));
    for (let i = 0; i < 40; i++) await job.emit({ event: 'text', data: 'x'.repeat(100 * 1024) });
    await until('the reader to be detached', () => manager.followerCount('chat-1') === 0);
    let bytes = 0;
    const read = async () => {
      for await (const chunk of response.body ?? []) bytes += chunk.length;
    };
    await read().catch(() => {}); // cut off by now, or about to be
    expect(bytes).toBeLessThan(256 * 1024);
    await job.complete();
  });

  it('gives the whole stream to a reader that takes its time', async () => {
    const { handler, job } = await setUp();
    const response = await handler(new Request('http://localhost/jobs/stream/chat-1'));
    for (let i = 0; i < 20; i++) await job.emit({ event: 'text', data: 'x'.repeat(100 * 1024) });
    await job.complete();
    const text = await response.text();
    expect(text.match(/^id: /gm)).toHaveLength(22);
    expect(text).toMatch(/event: completed\ndata: .*\n\n$/);
  });

  it('leaves the stream when the body is cancelled or the request aborted', async () => {
    const { manager, handler } = await setUp();
    const aborting = new AbortController();
    const cancelled = await handler(new Request('http://localhost/jobs/stream/chat-1'));
    await handler(new Request('http://localhost/jobs/stream/chat-1', { signal: aborting.signal }));
    expect(manager.followerCount('chat-1')).toBe(2);
    await cancelled.body?.cancel();
    expect(manager.followerCount('chat-1')).toBe(1);
    aborting.abort();
    expect(manager.followerCount('chat-1')).toBe(0);
    const gone = new Request('http://localhost/jobs/stream/chat-1', { signal: aborting.signal });
    await handler(gone);
    expect(manager.followerCount('chat-1')).toBe(0);
  });

  it('answers 404 outside its base path', async () => {
    const { handler } = await setUp();
    for (const path of ['/', '/stream/chat-1', '/jobs', '/jobsstream/chat-1', '/other/stream/chat-1']) {
      expect((await handler(new Request(`http://localhost${path}`))).status).toBe(404);
    }
  });
});
