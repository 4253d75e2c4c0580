/**
 * A client from a URL, with the settings this library recommends, for hosts that have no client yet. ioredis is an
 * optional peer, loaded by the first call; what is returned is declared by shape, so that nobody needs ioredis to compile.
 */
import { z } from 'zod';
import { SECOND, timerMs } from '../clock.js';
import { GenerationJobError } from '../errors.js';
import { warnIfUntested } from '../peer-versions.js';
import type { RedisClient } from '../stream/implementations/redis/client.js';
import { assertRedisClient } from '../stream/implementations/redis/client-check.js';
import { isFinal, startError } from '../stream/implementations/redis/start.js';
import { parseStrictly } from '../stream/model/strict.js';
import { handOut, NO_MANAGER } from '../stream/process/handed-out.js';
import type { ConnectionOptions } from './connect-options.generated.js';

const LONGEST_PAUSE_MS = 2 * SECOND;
const FIRST_PAUSE_MS = 50;

export const connectSchema = z.strictObject({
  cluster: z
    .boolean()
    .default(false)
    .describe('Sets whether the URL is that of a node of a Redis Cluster; the others are found through it'),
  connectTimeoutMs: z
    .number()
    .int()
    .min(10)
    .max(600_000)
    .default(10 * SECOND)
    .describe('Sets how long to wait for the connection (ms)'),
  socketTimeoutMs: z
    .number()
    .int()
    .min(10)
    .max(600_000)
    .default(4 * SECOND)
    .describe(
      'Sets when a connection that owes an answer is taken for dead and made again; less than `timeoutMs` of the services, which is 5 s unless set (ms)',
    ),
}) satisfies z.ZodType<unknown, ConnectionOptions>;
const optionsSchema = connectSchema.extend({
  onError: z
    .custom<(error: unknown) => void>((value) => typeof value === 'function', 'must be a function')
    .optional(),
});

/** Options of `connectRedis`. */
export interface ConnectRedisOptions extends ConnectionOptions {
  /** Called with each error of the connection, later ones too. Default: nothing, since what fails by it says so itself. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * Connects to Redis 7 or Valkey and returns a client for `createStreamServices({ redis })`. It is the caller's, who ends
 * it with `quit()` after the manager was closed. It goes on connecting for as long as it lives.
 *
 * @param url `redis://[user:password@]host[:port][/db]`, or `rediss://` for TLS
 * @param options see there
 * @returns the client, connected
 * @throws GenerationJobError `invalid_options` for a malformed URL or option, or when ioredis is not installed ·
 *   `unavailable` with what Redis, or the way to it, said
 * @example
 * const redis = await connectRedis('redis://localhost:6379');
 * const manager = new GenerationJobManager({ ...createStreamServices({ redis }) });
 */
export function connectRedis(url: string | URL, options: ConnectRedisOptions = {}): Promise<RedisClient> {
  return handOut(NO_MANAGER, 'connectRedis', () => connect(url, options));
}

async function connect(url: string | URL, options: ConnectRedisOptions): Promise<RedisClient> {
  const { cluster, connectTimeoutMs, socketTimeoutMs, onError } = parseStrictly(
    'invalid_options',
    optionsSchema,
    options,
    'options',
  );
  const address = addressOf(url);
  const { Redis, Cluster } = await loadIoredis();
  warnIfUntested('ioredis');
  const settings = {
    lazyConnect: true,
    maxRetriesPerRequest: null,
    socketTimeout: socketTimeoutMs,
    connectTimeout: connectTimeoutMs,
    retryStrategy: pauseBefore,
  };
  const client: RedisClient = cluster
    ? new Cluster([{ host: hostOf(address), port: portOf(address) }], {
        lazyConnect: true,
        shardedSubscribers: true,
        clusterRetryStrategy: pauseBefore,
        redisOptions: { ...settings, ...loginOf(address) },
      })
    : new Redis(address.href, settings);
  let newest: unknown;
  client.on('error', (error) => {
    newest = error;
    onError?.(error);
  });
  try {
    assertRedisClient(client);
    await within(connectTimeoutMs, connected(client));
    return client;
  } catch (error) {
    client.disconnect();
    throw startError(client, newest ?? error);
  }
}

/** Resolves once it is ready. A first try that fails is not the last one: it is waited for as long as the caller waits. */
function connected(client: RedisClient): Promise<void> {
  return new Promise((resolve, reject) => {
    client.on('ready', () => resolve());
    // Told by `error`, and tried again; but what Redis itself refuses it would refuse again.
    client.on('error', (error) => isFinal(error) && reject(error));
    client.connect?.().then(resolve, () => {});
  });
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new GenerationJobError('unavailable', 'Redis did not answer in time.')),
      timerMs(ms),
    );
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** Never gives up. */
function pauseBefore(tries: number): number {
  return Math.min(tries * FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
}

function addressOf(url: string | URL): URL {
  try {
    const address = new URL(url);
    if (address.protocol === 'redis:' || address.protocol === 'rediss:') return address;
  } catch {
    // said below, with what is right
  }
  throw new GenerationJobError(
    'invalid_options',
    'The URL must be redis://host:port/db or rediss://host:port/db.',
  );
}

function hostOf(address: URL): string {
  return address.hostname.replace('[', '').replace(']', '') || '127.0.0.1';
}

function portOf(address: URL): number {
  return Number(address.port || 6379);
}

function loginOf(address: URL): object {
  const username = decodeURIComponent(address.username);
  const password = decodeURIComponent(address.password);
  return {
    ...(username && { username }),
    ...(password && { password }),
    ...(address.protocol === 'rediss:' && { tls: {} }),
  };
}

interface Ioredis {
  readonly Redis: new (url: string, settings: object) => RedisClient;
  readonly Cluster: new (nodes: readonly object[], settings: object) => RedisClient;
}

async function loadIoredis(): Promise<Ioredis> {
  try {
    return (await import('ioredis')) as unknown as Ioredis;
  } catch (cause) {
    const message = 'connectRedis needs ioredis: npm install ioredis.';
    throw new GenerationJobError('invalid_options', message, { cause });
  }
}
