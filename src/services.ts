/**
 * The store and the transport that belong together: in memory, or on Redis when a client is given. Redis that is
 * configured and can't be reached fails the manager's `start`; nothing ever falls back to memory.
 */
import type { Clock } from './clock.js';
import { InMemoryEventTransport } from './stream/implementations/in-memory-event-transport.js';
import { InMemoryJobStore } from './stream/implementations/in-memory-job-store.js';
import type { RedisClient } from './stream/implementations/redis-client.js';
import { RedisEventTransport } from './stream/implementations/redis-event-transport.js';
import { RedisJobStore } from './stream/implementations/redis-job-store.js';
import type { RedisOptions } from './stream/implementations/redis-options.js';
import type { EventTransport } from './stream/interfaces/event-transport.js';
import type { JobStore } from './stream/interfaces/job-store.js';

export interface StreamServices {
  readonly jobStore: JobStore;
  readonly eventTransport: EventTransport;
}

export interface MemoryServicesInput {
  readonly redis?: undefined;
  /** How many streams may be kept at once; default 10,000. */
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
 * @throws GenerationJobError `invalid_options`
 */
export function createStreamServices(input: MemoryServicesInput | RedisServicesInput = {}): StreamServices {
  if (input.redis === undefined) {
    return { jobStore: new InMemoryJobStore(input), eventTransport: new InMemoryEventTransport() };
  }
  const { redis, ...options } = input;
  return {
    jobStore: new RedisJobStore(redis, options),
    eventTransport: new RedisEventTransport(redis, options),
  };
}
