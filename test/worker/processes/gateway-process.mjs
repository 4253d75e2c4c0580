/**
 * A gateway as a process: a manager of the built library on a Redis, with the routes for workers and for readers on a port of its
 * own. argv[2] is JSON: `library`, `redisPort`, `port`, the manager's `options`, and a folder of `transcripts` where there is one. It
 * makes runs, and tells what is in them, when its parent asks.
 */
import express from 'express';
import { Redis } from 'ioredis';

process.on('disconnect', () => process.exit(0));
if (!process.connected) process.exit(0);

const { library, redisPort, port, options, transcripts } = JSON.parse(process.argv[2]);
const { GenerationJobManager, createStreamServices } = await import(library);
const { createStreamRouter } = await import(new URL('http/express.js', library).href);
const { createWorkerRouter, issueRunToken } = await import(new URL('worker/gateway/index.js', library).href);

const { createFileTranscripts } = await import(new URL('transcripts/index.js', library).href);

const stores = transcripts === undefined ? {} : { main: createFileTranscripts({ folder: transcripts }) };
const keys = [{ id: 'k1', secret: 'x'.repeat(32) }];
const redis = new Redis({ port: redisPort, host: '127.0.0.1' });
redis.on('error', () => {}); // told by what fails
const services = createStreamServices({ redis, timeoutMs: 5_000 });
const manager = new GenerationJobManager({ ...services, options, hooks: { onError: () => {} } });
await manager.start();

const asked = {
  async create({ streamId, onConflict, ...more }) {
    const { started, job } = await manager.createJob({ streamId, userId: 'ann', onConflict });
    if (!started) return { isTaken: true };
    return issueRunToken(job, { keys, agentId: 'writer', expiresInMs: 24 * 3_600_000, ...more });
  },
  async record({ streamId }) {
    return manager.getJob(streamId);
  },
  async latest({ conversationId }) {
    const { signal } = new AbortController();
    const { latest } = await stores.main.latest({ agentId: 'writer', conversationId }, signal);
    return { runId: latest?.runId ?? null };
  },
  async read({ streamId }) {
    const events = [];
    for await (const { event, data, cursor } of manager.subscribe(streamId))
      events.push({ event, data, cursor });
    return { record: await manager.getJob(streamId), events };
  },
};
process.on('message', async ({ id, call, ...input }) => {
  const answer = await asked[call](input).catch((error) => ({ failed: String(error) }));
  process.send({ id, answer });
});

const server = express()
  .use('/worker', createWorkerRouter(manager, { keys, transcripts: stores }))
  .use('/api', createStreamRouter(manager, { authorize: () => ({ userId: 'ann' }) }))
  .listen(port, '127.0.0.1', () => {
    process.send({ listening: server.address().port });
  });
