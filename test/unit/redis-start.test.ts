/** What a replica says of a Redis that it can't work with, and of a client it can't use: by name, and what to do. */
import { describe, expect, it } from 'vitest';
import type { RedisClient } from '../../src/stream/implementations/redis/client.js';
import { assertRedisClient } from '../../src/stream/implementations/redis/client-check.js';
import { RedisKeys } from '../../src/stream/implementations/redis/keys.js';
import { RedisScripts } from '../../src/stream/implementations/redis/scripts.js';
import { checkServer, startError } from '../../src/stream/implementations/redis/start.js';

const NONE = {} as RedisClient;

describe('what Redis, or the way to it, says', () => {
  it.each([
    ['WRONGPASS invalid username-password pair', 'refuses the password'],
    [
      'ERR AUTH <password> called without any password configured for the default user',
      'refuses the password',
    ],
    ['NOAUTH Authentication required.', 'asks for a password'],
    ['NOPERM this user has no permissions to run it', 'denies a right'],
    ["ERR The user executing the script can't run this command or subcommand", 'denies a right'],
    ['READONLY You can’t write against a read only replica.', 'is a copy that takes no writes'],
    ['ERR This instance has cluster support disabled', 'is no cluster'],
    ['MOVED 1234 127.0.0.1:7001', 'is a cluster'],
    ['CLUSTERDOWN Hash slot not served', 'is a cluster'],
    ['LOADING Redis is loading the dataset in memory', 'is still loading'],
    ['connect ECONNREFUSED 127.0.0.1:6379', 'refused the connection'],
    ['getaddrinfo ENOTFOUND redis.example', 'has a host name that nobody knows'],
    ['Connection is closed.', 'is not connected to'],
    ['ASKING is no word of these', 'did not answer in time'],
  ])('is told with what to do: %s', (text, told) => {
    const error = startError(NONE, new Error(text));
    expect(error).toMatchObject({ code: 'unavailable', cause: { message: text } });
    expect(error.message).toContain(`Redis ${told}`);
    expect(error.message).toContain(`(${text})`);
  });

  it.each<[string, RedisClient['options'] & object, string]>([
    ['by its address', { host: 'h', port: 7000 }, ' at h:7000 '],
    ['by its address and the usual port', { host: 'h' }, ' at h:6379 '],
    ['by its path', { path: '/run/redis.sock', host: 'h' }, ' at /run/redis.sock '],
    ['by its Sentinels', { sentinels: [{}, {}], name: 'main', host: 'h' }, ' (main of 2 Sentinels) '],
  ])('names the server %s', (_what, options, where) => {
    const error = startError({ options } as RedisClient, new Error('LOADING'));
    expect(error.message).toContain(`Redis${where}is still loading`);
  });

  it('of a cluster is what its node said', () => {
    const cluster = { nodes: () => [] } as unknown as RedisClient;
    const lastNodeError = new Error('NOAUTH Authentication required.');
    const error = startError(
      cluster,
      Object.assign(new Error('Failed to refresh slots cache.'), { lastNodeError }),
    );
    expect(error.message).toContain('Redis’s cluster asks for a password');
    expect(error.cause).toBe(lastNodeError);
  });
});

/** A server that answers a command, or a script, with what is said of it; `TIME` by its turn in a list. */
function serverOf(said: { times?: unknown[]; info?: unknown; probe?: unknown; status?: string }) {
  const { times = [], info = 'redis_version:7.2.4\r\n', probe = 'ok', status = 'ready' } = said;
  const answer = (value: unknown) =>
    value instanceof Error ? Promise.reject(value) : Promise.resolve(value);
  const asked: string[] = [];
  const client = {
    ...{ status, on: () => {}, off: () => {} },
    call: (name: string) => {
      asked.push(name);
      return answer(name === 'INFO' ? info : times.shift());
    },
    evalsha: () => {
      asked.push('probe');
      return answer(probe);
    },
  } as unknown as RedisClient;
  const timeoutMs = 5_000;
  const scripts = new RedisScripts(client, { timeoutMs, sharded: false });
  return { asked, start: () => checkServer({ client, scripts, keys: new RedisKeys('gj:'), timeoutMs }) };
}

describe('a start', () => {
  it('asks for the time, the version and the rights, in this order', async () => {
    const { asked, start } = serverOf({});
    await start();
    expect(asked).toEqual(['TIME', 'INFO', 'probe']);
  });

  it('waits for a server that can’t be reached yet', async () => {
    const away = new Error('connect ECONNREFUSED 127.0.0.1:6379');
    const { asked, start } = serverOf({ times: [away, away] });
    await start();
    expect(asked).toEqual(['TIME', 'TIME', 'TIME', 'INFO', 'probe']);
  });

  it.each<[string, Parameters<typeof serverOf>[0], string]>([
    ['at once by a wrong password', { times: [new Error('WRONGPASS')] }, 'refuses the password'],
    [
      'by a client that has given up',
      { times: [new Error('Connection is closed.')], status: 'end' },
      'has given up',
    ],
    ['by a server that is too old', { info: 'redis_version:6.2.14\r\n' }, 'version 6.2.14'],
    ['by a server that won’t say its version', { info: new Error('LOADING') }, 'still loading'],
    ['by a right that is missing', { probe: new Error('NOPERM no permissions for XADD') }, 'denies a right'],
    ['by a copy', { probe: new Error('READONLY a replica') }, 'takes no writes'],
  ])('is refused %s', async (_what, said, told) => {
    await expect(serverOf(said).start()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(told),
    });
  });

  it.each<[string, Parameters<typeof serverOf>[0]]>([
    ['is newer than Redis 7', { info: 'redis_version:10.0.0\r\n' }],
    ['says no version', { info: '' }],
    ['lets its user ask for no version', { info: new Error('NOPERM no permissions for INFO') }],
    ['is full for now', { probe: new Error('OOM command not allowed') }],
    ['can’t save for now', { probe: new Error('MISCONF Errors writing to disk') }],
  ])('is made on a server that %s', async (_what, said) => {
    await serverOf(said).start();
  });
});

describe('a client', () => {
  const needed = ['call', 'evalsha', 'eval', 'duplicate', 'subscribe', 'unsubscribe', 'on', 'off'];
  const client = (options: object = {}, more: object = {}) => ({
    ...Object.fromEntries(needed.map((name) => [name, () => {}])),
    options,
    ...more,
  });
  const CLUSTER = { nodes: () => [] };

  it.each<[string, unknown, string]>([
    ['a URL', 'redis://h', 'is a URL'],
    ['a URL object', new URL('redis://h'), 'is a URL'],
    ['a promise', Promise.resolve(), 'await it'],
    ['nothing', undefined, 'is undefined'],
    ['null', null, 'is null'],
    ['a number', 5, 'is number'],
    ['a client of the package "redis"', { sendCommand: () => {}, isOpen: true }, 'node-redis'],
    ['an object that is no client', {}, needed.join(', ')],
    ['a client without one of the calls', client({}, { evalsha: undefined }), 'it has no evalsha.'],
    ['a client with a prefix', client({ keyPrefix: 'x:' }), 'keyPrefix'],
    [
      'a client whose nodes have a prefix',
      client({ redisOptions: { keyPrefix: 'x:' } }, CLUSTER),
      'keyPrefix',
    ],
    ['a client that gives numbers as text', client({ stringNumbers: true }), 'stringNumbers'],
    ['a client of other shapes', client({ replyMapping: 'resp3' }), 'replyMapping'],
    ['a client that monitors', client({ monitor: true }), 'monitor'],
    ['a client that asks copies', client({ scaleReads: 'slave' }, CLUSTER), 'scaleReads'],
    ['a client that may give up at a failover', client({ failoverDetector: true }), 'set socketTimeout'],
    ['a client that does not connect anew', client({ retryStrategy: null }), 'retryStrategy gives up'],
    [
      'a client that gives up in the end',
      client({ retryStrategy: (n: number) => (n > 9 ? undefined : 5) }),
      'gives up',
    ],
    [
      'a cluster’s client that gives up',
      client({ clusterRetryStrategy: () => null }, CLUSTER),
      'clusterRetryStrategy',
    ],
  ])('is not %s: refused by name', (_what, given, told) => {
    expect(() => assertRedisClient(given)).toThrow(
      expect.objectContaining({ code: 'invalid_options', message: expect.stringContaining(told) }),
    );
  });

  it.each<[string, object]>([
    ['no options to be seen', client({}, { options: undefined })],
    ['a strategy that goes on for ever', client({ retryStrategy: () => 2_000 })],
    ['a strategy that only another kind of client asks', client({ clusterRetryStrategy: null })],
    ['reads of masters', client({ scaleReads: 'master' }, CLUSTER)],
  ])('is taken with %s', (_what, given) => {
    assertRedisClient(given);
  });
});
