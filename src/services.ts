/**
 * The store and the transport that belong together: in memory, or on Redis when a client is given. Redis that is
 * configured and can't be reached fails the manager's `start`; nothing ever falls back to memory.
 */
import { z } from 'zod';
import type { Clock } from './clock.js';
import { GenerationJobError } from './errors.js';
import { InMemoryEventTransport } from './stream/implementations/memory/event-transport.js';
import { InMemoryJobStore, memoryOptionsSchema } from './stream/implementations/memory/job-store.js';
import type { RedisClient } from './stream/implementations/redis/client.js';
import { RedisEventTransport } from './stream/implementations/redis/event-transport.js';
import { RedisJobStore } from './stream/implementations/redis/job-store.js';
import type { RedisOptions } from './stream/implementations/redis/options.js';
import type { EventTransport } from './stream/interfaces/event-transport.js';
import type { JobStore } from './stream/interfaces/job-store.js';
import { parseStrictly } from './stream/model/strict.js';

export interface StreamServices {
  /** Keeps records and logs. */
  readonly jobStore: JobStore;
  /** Brings live events and signals to the processes that want them. */
  readonly eventTransport: EventTransport;
}

export interface MemoryServicesInput {
  /** Left out. One that is there and undefined is refused: it was meant to be a client. */
  readonly redis?: never;
  /** The most streams that are kept at once; default 10,000. */
  readonly maxStreams?: number;
  readonly clock?: Clock;
}

export interface RedisServicesInput extends RedisOptions {
  /** An ioredis 6 or iovalkey client: single server, Sentinel or Cluster. It stays the host's, who also closes it. */
  readonly redis: RedisClient;
}

/**
 * A store and a transport for one manager. In memory, several managers of one process may share them, and then behave
 * like replicas.
 *
 * @throws GenerationJobError `invalid_options` naming each option that is unknown or wrong, and for `redis: undefined`
 * @example
 * const manager = new GenerationJobManager({ ...createStreamServices({ redis: await connectRedis(url) }) });
 */
export function createStreamServices(input: MemoryServicesInput | RedisServicesInput = {}): StreamServices {
  refuseClient(input);
  if (!namesRedis(input)) {
    parseStrictly('invalid_options', memorySchema, input, 'options');
    return { jobStore: new InMemoryJobStore(input), eventTransport: new InMemoryEventTransport() };
  }
  refuseUndefined(input.redis);
  const { redis, ...options } = input;
  return {
    jobStore: new RedisJobStore(redis, options),
    eventTransport: new RedisEventTransport(redis, options),
  };
}

function namesRedis(input: MemoryServicesInput | RedisServicesInput): input is RedisServicesInput {
  return 'redis' in input;
}

/** It knows `redis`, for whoever has misspelt that. */
const memorySchema = memoryOptionsSchema.extend({ redis: z.never().optional() });

/**
 * A host that names a client wants Redis: taken for memory, a misspelt variable would lose every answer with its
 * process.
 */
function refuseUndefined(redis: unknown): void {
  if (redis !== undefined) return;
  throw new GenerationJobError(
    'invalid_options',
    'redis is undefined, so no client was made: give one, or leave redis out to keep everything in the memory of this process.',
  );
}

/** A client or a URL in place of the input would be taken for no Redis at all: what it kept would end with the process. */
function refuseClient(given: unknown): void {
  const isClient =
    typeof given === 'string' || typeof (given as { duplicate?: unknown } | null)?.duplicate === 'function';
  const hasUrl =
    typeof given === 'object' &&
    given !== null &&
    ('redisUrl' in given || 'url' in given || 'redis_url' in given);
  if (!isClient && !hasUrl && typeof given === 'object' && given !== null) return;
  throw new GenerationJobError(
    'invalid_options',
    'createStreamServices takes { redis: client }; with a URL only, { redis: await connectRedis(url) } of generation-jobs/redis.',
  );
}
