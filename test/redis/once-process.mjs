/**
 * A process that makes calls by `job.once` until it is killed: a few jobs at once, each of which makes the same calls one after the
 * other, and leaves a mark in Redis, the world outside, with each. Says when it begins; nothing else of it counts.
 *
 * argv[2]: JSON of `{ library, port, options, redisOptions, tool, streams, keys }`.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';

process.on('disconnect', () => process.exit(0));
if (!process.connected) process.exit(0);

const { library, port, options, redisOptions, tool, streams, keys } = JSON.parse(process.argv[2]);
const { GenerationJobManager, createStreamServices } = await import(library);
const redis = new Redis({ port, host: '127.0.0.1' });
const manager = new GenerationJobManager({
  ...createStreamServices({ redis, ...redisOptions }),
  options,
  hooks: { onError: () => {} },
});
/** On a busy machine the first answers may be late: it is started until it can be, as a supervisor does. */
async function start() {
  try {
    await manager.start();
  } catch (error) {
    if (error.code !== 'unavailable') throw error;
    await pause(100);
    await start();
  }
}

await start();
const jobs = await Promise.all(
  streams.map(async (streamId) => (await manager.createJob({ streamId, userId: 'u' })).job),
);
process.send('begun');
for (const job of jobs) {
  void job.run(async () => {
    for (const key of keys) {
      await job.once(key, async () => {
        await redis.rpush(`${tool}${job.streamId}:${key}`, job.attempt);
        // The tool takes its time after what it has done, too.
        await pause(1);
        return key;
      });
    }
    // Whoever takes over ends it.
    await new Promise((resolve) => job.signal.addEventListener('abort', resolve));
  });
}
