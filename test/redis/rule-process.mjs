/**
 * One replica that asks rules about calls: a process with a manager of the built library on a Redis. Told `{ streamId, from, count,
 * atOnce }` it makes a job that asks about so many calls, each twice, and answers with the ids of those that were allowed,
 * and how many of the second askings were known for repeats. Without a count it asks until a call is not allowed.
 *
 * argv[2] is `{ port, library }` as JSON.
 */
import { Redis } from 'ioredis';

process.on('disconnect', () => process.exit(0));
if (!process.connected) process.exit(0);

const { port, library } = JSON.parse(process.argv[2]);
const { GenerationJobManager, createStreamServices } = await import(library);
const { createRedisRules, createStandingDecisions } = await import(new URL('rules/index.js', library).href);

const redis = new Redis({ port, host: '127.0.0.1' });
const rules = createStandingDecisions({ store: createRedisRules({ redis, timeoutMs: 20_000 }) });
const manager = new GenerationJobManager({
  ...createStreamServices({ redis, timeoutMs: 20_000 }),
  rules,
  options: { leaseMs: 60_000, renewMs: 20_000 },
  hooks: { onError: ({ error }) => process.send({ error: String(error) }) },
});
await manager.start();

process.on('message', async ({ streamId, from, count, atOnce }) => {
  const { job } = await manager.createJob({ streamId, userId: 'ann' });
  const allowed = [];
  let repeats = 0;
  const ask = async (number) => {
    const call = { job, tool: 'pay', arguments: { to: 'bob' }, callId: `call-${number}` };
    const [first, second] = [await rules.allows(call), await rules.allows(call)];
    if (first.allowed) allowed.push(call.callId);
    if (first.allowed && second.allowed && second.isRepeat) repeats++;
    if (allowed.length === 1) process.send({ used: call.callId });
    return first.allowed;
  };
  let asked = 0;
  const lane = async () => {
    for (let isAllowed = true; count === undefined ? isAllowed : asked < count; )
      isAllowed = await ask(from + asked++);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  await job.complete();
  process.send({ allowed, repeats });
});
process.send({ ready: true });
