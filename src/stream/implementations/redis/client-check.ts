/**
 * A client is checked before anything is asked of it. A client of the wrong kind, or one whose settings change what
 * replies look like or which server is asked, would fail later and far from the mistake: it is refused where it is
 * given, by name, with what to give instead.
 */
import { GenerationJobError } from '../../../errors.js';
import { isCluster, type RedisClient, type RedisClientOptions } from './client.js';

const NEEDED = ['call', 'evalsha', 'eval', 'duplicate', 'subscribe', 'unsubscribe', 'on', 'off'] as const;
/** A strategy that still names a pause at this try will not give up while the process lives. */
const LATE_TRY = 1_000_000;

/** @throws GenerationJobError `invalid_options` naming what is wrong and what to give instead */
export function assertRedisClient(client: unknown): asserts client is RedisClient {
  const reason = reasonAgainst(client);
  if (reason !== undefined) throw new GenerationJobError('invalid_options', reason);
}

function reasonAgainst(client: unknown): string | undefined {
  if (typeof client === 'string' || client instanceof URL) {
    return 'redis is a URL: give a client, such as `await connectRedis(url)` of generation-jobs/redis makes.';
  }
  if (client instanceof Promise) return 'redis is a promise of a client: await it first.';
  if (typeof client !== 'object' || client === null) {
    return `redis must be an ioredis or iovalkey client, and is ${client === null ? 'null' : typeof client}.`;
  }
  if ('sendCommand' in client && 'isOpen' in client) {
    return 'redis is a client of the package "redis" (node-redis): give one of ioredis or iovalkey, or `await connectRedis(url)`.';
  }
  const missing = NEEDED.filter((name) => typeof (client as Record<string, unknown>)[name] !== 'function');
  if (missing.length > 0) {
    return `redis is no ioredis or iovalkey client: it has no ${missing.join(', ')}.`;
  }
  return reasonAgainstOptions(client as RedisClient);
}

function reasonAgainstOptions(client: RedisClient): string | undefined {
  const own = client.options ?? {};
  const ofNodes = own.redisOptions ?? {};
  const set = (name: keyof RedisClientOptions) => own[name] ?? ofNodes[name];
  if (set('keyPrefix')) {
    // It would be put before keys and not before channels: frames would go astray.
    return 'The Redis client has a keyPrefix: give it to this library instead.';
  }
  if (set('stringNumbers'))
    return 'The Redis client has stringNumbers: this library needs numbers. Leave it out.';
  if (set('replyMapping') === 'resp3') {
    return 'The Redis client has replyMapping "resp3": this library reads the other shapes. Leave it out.';
  }
  if (set('monitor')) return 'The Redis client has monitor: a client that monitors can ask nothing.';
  if (own.scaleReads !== undefined && own.scaleReads !== 'master') {
    return 'The Redis client has scaleReads: a copy may be behind, so everything is asked of masters. Leave it out.';
  }
  if (set('failoverDetector')) {
    // ioredis 5.4 to 6.0, iovalkey: a promotion that is heard of while it connects ends the client for good.
    return 'The Redis client has failoverDetector: a client that hears of a promotion while it connects gives up for good. Leave it out, and set socketTimeout: a connection that hangs is left by it.';
  }
  const strategy = isCluster(client) ? 'clusterRetryStrategy' : 'retryStrategy';
  if (givesUp(own[strategy])) {
    return `The Redis client’s ${strategy} gives up: let it return a pause (ms) for every try, or leave it out.`;
  }
  return undefined;
}

/** Left out, a client goes on for ever; null says that it shall not. */
function givesUp(strategy: RedisClientOptions['retryStrategy']): boolean {
  if (strategy === undefined) return false;
  return strategy === null || typeof strategy(LATE_TRY) !== 'number';
}
