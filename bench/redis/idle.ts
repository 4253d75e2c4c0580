/** Heap of an idle followed stream, in a process that only follows. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { connect } from './clients.js';
import type { IdleSetup } from './idle-follower.js';
import { streamIdOf } from './senders.js';

/** The first of them are followed before the measurement begins. */
const EARLY = 100;

export async function measureIdle(port: number, streams: number): Promise<number> {
  const client = connect({ port, cluster: false });
  const manager = new GenerationJobManager(createStreamServices({ redis: client }));
  for (let stream = 0; stream < streams + EARLY; stream++) {
    await manager.createJob({ streamId: streamIdOf(stream), userId: `bench-${stream % 100}` });
  }
  const setup: IdleSetup = { port, streams };
  const follower = fork(join(import.meta.dirname, 'idle-follower.js'), [JSON.stringify(setup)]);
  const [bytes] = (await once(follower, 'message')) as [number];
  follower.disconnect();
  await once(follower, 'exit');
  await manager.close();
  client.disconnect();
  return bytes;
}
