/**
 * Where everything is kept: in this process, or on the Redis of REDIS_URL. Redis that can't be reached when the process
 * starts ends it in one line; nothing ever falls back to memory.
 */
import { createStreamServices, type StreamServices } from 'generation-jobs';
import { createMemoryRules, createRedisRules, type RuleStore } from 'generation-jobs/rules';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Conversations } from '../conversations/conversations.js';
import { MemoryConversations } from '../conversations/memory-conversations.js';
import { RedisConversations } from '../conversations/redis-conversations.js';
import { MemorySubscriptions, RedisSubscriptions, type Subscriptions } from '../telling/subscriptions.js';
import type { Config } from './config.js';

export interface Storage {
  readonly kind: 'memory' | 'redis';
  readonly services: StreamServices;
  readonly conversations: Conversations;
  /** The browsers to be told. */
  readonly subscriptions: Subscriptions;
  /** What people have allowed once for all. */
  readonly rules: RuleStore;
  /** Whether what is kept can be got at; answers within `ANSWER_MS`. */
  isReachable(): Promise<boolean>;
  close(): void;
}

const SECOND = 1000;
/** For a Redis that takes the connection and then says nothing. */
const CONNECT_MS = 5 * SECOND;
/** Longer, and whoever asks for health or history has given up. */
const ANSWER_MS = 2 * SECOND;

/** @throws Error in words, when `redisUrl` can't be reached */
export async function openStorage(
  { redisUrl, leaseMs }: Pick<Config, 'redisUrl' | 'leaseMs'>,
  logger: Logger,
): Promise<Storage> {
  if (redisUrl === undefined) {
    const services = createStreamServices();
    const kept = {
      conversations: new MemoryConversations(),
      subscriptions: new MemorySubscriptions(),
      rules: createMemoryRules(),
    };
    return { kind: 'memory', services, ...kept, isReachable: async () => true, close: () => {} };
  }
  const redis = await connectTo(redisUrl);
  // The library bounds its own calls, and repeats them; what is asked for a page shall rather fail than wait.
  const impatient = redis.duplicate({ commandTimeout: ANSWER_MS, maxRetriesPerRequest: 1 });
  for (const client of [redis, impatient])
    client.on('error', (error) => logger.warn({ reason: error.message }, 'Redis is away'));
  return {
    kind: 'redis',
    // Under a shorter lease, what got no answer must be asked again sooner too.
    services: createStreamServices({
      redis,
      ...(leaseMs !== undefined && { timeoutMs: Math.floor(leaseMs / 3) }),
    }),
    conversations: new RedisConversations(impatient),
    subscriptions: new RedisSubscriptions(impatient),
    rules: createRedisRules({ redis }),
    isReachable: () =>
      impatient.ping().then(
        () => true,
        () => false,
      ),
    close: () => {
      redis.disconnect();
      impatient.disconnect();
    },
  };
}

/** For who only wants to know. @throws as `openStorage` */
export async function checkRedis(redisUrl: string): Promise<void> {
  (await connectTo(redisUrl)).disconnect();
}

async function connectTo(url: string): Promise<Redis> {
  const redis = new Redis(url, { lazyConnect: true });
  let late: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      late = setTimeout(() => reject(new Error('it does not answer')), CONNECT_MS);
      redis.once('error', reject);
      redis.once('ready', resolve);
      redis.connect().catch(reject);
    });
    return redis;
  } catch (error) {
    redis.disconnect();
    throw new Error(`can't reach Redis at ${withoutPassword(url)}: ${reasonOf(error)}`);
  } finally {
    clearTimeout(late);
    redis.removeAllListeners('error');
  }
}

function withoutPassword(url: string): string {
  const shown = new URL(url);
  shown.password = '';
  return shown.href;
}

/** Node puts the attempts on several addresses into one error without words. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || ('code' in error ? String(error.code) : error.name);
}
