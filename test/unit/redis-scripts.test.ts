/**
 * How scripts and commands are sent, on a client by hand: what the server knows is not sent again, what it refuses is named,
 * and what it leaves unanswered is given up in time.
 */
import { describe, expect, it } from 'vitest';
import { Deadlines, type RedisClient } from '../../src/stream/implementations/redis/client.js';
import { RedisScripts } from '../../src/stream/implementations/redis/scripts.js';

const NOSCRIPT = new Error('NOSCRIPT No matching script.');

/** A client that answers as said, one answer a call, and keeps what it was asked. */
function clientOf(...answers: (Error | unknown)[]) {
  const asked: unknown[][] = [];
  const answer = (...call: unknown[]) => {
    asked.push(call);
    const next = answers.shift();
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
  };
  const client = {
    evalsha: (...given: unknown[]) => answer('evalsha', ...given),
    eval: (...given: unknown[]) => answer('eval', ...given),
    call: (...given: unknown[]) => answer('call', ...given),
  };
  return { client: client as unknown as RedisClient, asked };
}

const scriptsOn = (client: RedisClient, sharded = false) =>
  new RedisScripts(client, { timeoutMs: 1_000, sharded });

describe('a script', () => {
  it('is sent by its digest alone', async () => {
    const { client, asked } = clientOf('done');
    expect(await scriptsOn(client).run('read', ['k1', 'k2'], ['current'])).toBe('done');
    expect(asked).toEqual([['evalsha', expect.stringMatching(/^[0-9a-f]{40}$/), 2, 'k1', 'k2', 'current']]);
  });

  it('is sent whole, once, to a server that does not know it, with the same keys and arguments', async () => {
    const { client, asked } = clientOf(NOSCRIPT, 'done', 'again');
    const scripts = scriptsOn(client);
    expect(await scripts.run('read', ['k'], [1])).toBe('done');
    expect(await scripts.run('read', ['k'], [1])).toBe('again');
    expect(asked.map(([kind]) => kind)).toEqual(['evalsha', 'eval', 'evalsha']);
    expect(asked[1]?.slice(2)).toEqual([1, 'k', 1]);
    expect(asked[1]?.[1]).toContain("redis.call('HGETALL'");
  });

  it.each<[string, Error[], string]>([
    ['what the server refuses for good', [new Error('WRONGTYPE Operation against a key')], 'store_damaged'],
    ['what it refuses for now', [new Error('LOADING Redis is loading')], 'unavailable'],
    ['what breaks the link', [new Error('Connection is closed.')], 'unavailable'],
    [
      'what refuses it when it is sent whole',
      [NOSCRIPT, new Error('OOM command not allowed')],
      'unavailable',
    ],
    ['a server that knows no script at all', [NOSCRIPT, NOSCRIPT], 'unavailable'],
  ])('has %s for its error', async (_what, answers, code) => {
    const { client } = clientOf(...answers);
    const run = scriptsOn(client).run('read', ['k'], []);
    await expect(run).rejects.toMatchObject({ code, cause: answers.at(-1) });
  });

  it('tells the host of trouble, whichever way it was asked', async () => {
    const full = new Error('OOM command not allowed');
    const { client } = clientOf(NOSCRIPT, full);
    const scripts = scriptsOn(client);
    const told: unknown[] = [];
    scripts.trouble.tell((error) => void told.push(error));
    await expect(scripts.run('read', ['k'], [])).rejects.toMatchObject({ code: 'unavailable' });
    expect(told).toMatchObject([{ code: 'unavailable', cause: full }]);
  });

  it('publishes within its shard where frames travel so, and is another script then', async () => {
    const texts: unknown[] = [];
    for (const sharded of [false, true]) {
      const { client, asked } = clientOf(NOSCRIPT, 'done');
      await scriptsOn(client, sharded).run('append', ['k'], []);
      texts.push(asked[1]?.[1]);
      expect(String(asked[1]?.[1]).includes("'SPUBLISH'")).toBe(sharded);
    }
    expect(texts[0]).not.toBe(texts[1]);
  });
});

describe('a command', () => {
  it('goes to the client, or to the node that is named', async () => {
    const [one, other] = [clientOf('a'), clientOf('b')];
    const scripts = scriptsOn(one.client);
    expect(await scripts.command('HGET', 'key', 'field')).toBe('a');
    expect(await scripts.commandOn(other.client, 'SCAN', 0)).toBe('b');
    expect([one.asked, other.asked]).toEqual([[['call', 'HGET', 'key', 'field']], [['call', 'SCAN', 0]]]);
  });

  it('that is refused has the same errors as a script', async () => {
    const { client } = clientOf(new Error('NOPERM this user has no permissions'));
    await expect(scriptsOn(client).command('TIME')).rejects.toMatchObject({ code: 'store_damaged' });
  });
});

describe('calls that leave together', () => {
  it('are held back on the socket of every node, and let go although making them threw', () => {
    const moves: string[] = [];
    const node = (name: string) => ({
      stream: { cork: () => moves.push(`cork ${name}`), uncork: () => moves.push(`uncork ${name}`) },
    });
    const client = { nodes: () => [node('a'), node('b'), {}] } as unknown as RedisClient;
    const scripts = scriptsOn(client);
    const held = ['cork a', 'cork b'];
    expect(scripts.together(() => moves.push('calls'))).toBe(3);
    expect(moves.splice(0)).toEqual([...held, 'calls', 'uncork a', 'uncork b']);
    const failing = () => {
      throw new Error('a call that can’t be made');
    };
    expect(() => scripts.together(failing)).toThrow('can’t be made');
    expect(moves).toEqual([...held, 'uncork a', 'uncork b']);
  });

  it('of a client without a connection yet are made all the same', () => {
    expect(scriptsOn({} as RedisClient).together(() => 'made')).toBe('made');
  });
});

describe('an answer that does not come', () => {
  const LIMIT_MS = 40;
  const never = () => new Promise<never>(() => {});

  it('is given up, not before its limit, and in the order in which it was asked', async () => {
    const deadlines = new Deadlines(LIMIT_MS);
    const startedAt = performance.now();
    const given: string[] = [];
    const waits = ['first', 'second'].map((name) =>
      deadlines.limit(never()).catch(({ code }) => {
        given.push(`${name} ${code}`);
        return performance.now() - startedAt;
      }),
    );
    for (const took of await Promise.all(waits)) expect(took).toBeGreaterThanOrEqual(LIMIT_MS);
    expect(given).toEqual(['first unavailable', 'second unavailable']);
    const again = deadlines.limit(never());
    await expect(again, 'the timer starts anew').rejects.toMatchObject({ code: 'unavailable' });
  });

  it('keeps nobody from answers that come, and is nobody’s any more when it comes late', async () => {
    const deadlines = new Deadlines(LIMIT_MS);
    let answerLate = (_answer: string): void => {};
    const late = new Promise<string>((resolve) => {
      answerLate = resolve;
    });
    const waited = deadlines.limit(late);
    const error = new Error('refused');
    expect(await deadlines.limit(Promise.resolve('in time'))).toBe('in time');
    await expect(deadlines.limit(Promise.reject(error))).rejects.toBe(error);
    await expect(waited).rejects.toMatchObject({ code: 'unavailable' });
    answerLate('late');
    await expect(waited).rejects.toMatchObject({ code: 'unavailable' });
  });
});
