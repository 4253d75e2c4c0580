/**
 * Decides an action and dies of it: a replica that is killed between a decision and the first event after it. Says
 * nothing; what it has done is in the log.
 *
 * Arguments: Redis URL, stream id, JSON of what `approvals.resolve` takes.
 */
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { Redis } from 'ioredis';

const [url, streamId, input] = process.argv.slice(2);
const manager = new GenerationJobManager({
  ...createStreamServices({ redis: new Redis(url), timeoutMs: 300 }),
  options: { leaseMs: 1000, renewMs: 300 },
  hooks: { beforeResolve: ({ action }) => ({ fingerprint: action.fingerprint }) },
});
await manager.approvals.resolve(streamId, JSON.parse(input));
process.kill(process.pid, 'SIGKILL');
