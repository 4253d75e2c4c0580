/** The entries that speak of a peer, where its declarations are installed. */
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { createMetrics } from 'generation-jobs/metrics';
import { connectRedis } from 'generation-jobs/redis';
import { Redis } from 'ioredis';
import { Registry } from 'prom-client';

export async function start(): Promise<void> {
  const redis = await connectRedis('redis://localhost:6379', { connectTimeoutMs: 1000 });
  const observer = createMetrics({ registry: new Registry(), prefix: 'chat_' });
  const manager = new GenerationJobManager({ ...createStreamServices({ redis }), observer });
  await manager.start();
  createStreamServices({ redis: new Redis(), keyPrefix: 'chat:' });
  // @ts-expect-error a misspelt option
  createStreamServices({ redis, keyprefix: 'chat:' });
}
