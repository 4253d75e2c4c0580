/**
 * How many of a stream's keys a script is given, on scripts by hand: a script that needs more is run again, and what is
 * remembered of it is bounded.
 */
import { describe, expect, it } from 'vitest';
import { RedisKeys } from '../../src/stream/implementations/redis/keys.js';
import { NeededKeys } from '../../src/stream/implementations/redis/needed-keys.js';
import { refusalOf } from '../../src/stream/implementations/redis/refusals.js';
import type { RedisScripts } from '../../src/stream/implementations/redis/scripts.js';
import { StreamScripts } from '../../src/stream/implementations/redis/stream-scripts.js';
import { streamKey } from '../../src/stream/model/stream-key.js';

const KEY = streamKey('s');
const wants = (count: number) => new Error(`MOREKEYS ${count} script: 5e3b1f0a, on @user_script:24.`);
const AGAIN = 'TRYAGAIN Multiple keys request during rehashing of slot';
/** What a cluster client makes of it in the end. */
const moving = () =>
  Object.assign(new Error(`Too many Cluster redirections. Last error: ReplyError: ${AGAIN}`), {
    lastNodeError: new Error(AGAIN),
  });

/** Scripts that answer as said, one answer a run, and keep what they were given. */
function scriptsOf(...answers: unknown[]) {
  const given: unknown[][] = [];
  const run = async (...call: unknown[]) => {
    given.push(call);
    const answer = answers.shift();
    if (answer instanceof Error) throw refusalOf(answer);
    return answer;
  };
  const keys = new RedisKeys('gj:');
  const scripts = new StreamScripts({ run } as unknown as RedisScripts, keys);
  const counts = () => given.splice(0).map(([name, used]) => `${name} ${(used as string[]).length}`);
  return { scripts, keys, given, counts };
}

describe('a script', () => {
  it('that needs more keys is run again with as many as it says, in their order, and the same arguments', async () => {
    const { scripts, keys, given } = scriptsOf(wants(6), 'done');
    expect(await scripts.run('transition', KEY, ['a', 1])).toBe('done');
    const all = keys.stream(KEY);
    expect(given).toEqual([
      ['transition', all.slice(0, 4), ['a', 1]],
      ['transition', all, ['a', 1]],
    ]);
  });

  it('is given what its stream has needed from then on, by whichever script, where it may need it', async () => {
    const { scripts, counts } = scriptsOf(wants(5), 'done');
    await scripts.run('renew', KEY, []);
    expect(counts()).toEqual(['renew 1', 'renew 5']);
    for (const name of ['create', 'commit', 'transition', 'settle'] as const)
      await scripts.run(name, KEY, []);
    expect(counts()).toEqual(['create 5', 'commit 5', 'transition 5', 'settle 5']);
    for (const name of ['renew', 'hold', 'read', 'save-snapshot', 'inbox', 'delete'] as const)
      await scripts.run(name, KEY, []);
    await scripts.run('commit', KEY, [], 2);
    expect(counts()).toEqual([
      'renew 1',
      'hold 1',
      'read 3',
      'save-snapshot 4',
      'inbox 5',
      'delete 6',
      'commit 2',
    ]);
    await scripts.run('transition', streamKey('other'), []);
    expect(counts()).toEqual(['transition 4']);
  });

  it('may ask twice, and is not run again for what it was given', async () => {
    const { scripts, counts } = scriptsOf(wants(3), wants(5), wants(5));
    await expect(scripts.run('renew', KEY, [])).rejects.toMatchObject({ code: 'unavailable' });
    expect(counts()).toEqual(['renew 1', 'renew 3', 'renew 5']);
  });

  it.each(['MOREKEYS', 'MOREKEYS x', 'MOREKEYS 99999999999999999999'])(
    'is not run again for an answer that says no number: %s',
    async (text) => {
      const { scripts, counts } = scriptsOf(new Error(text));
      await expect(scripts.run('renew', KEY, [])).rejects.toMatchObject({ cause: { message: text } });
      expect(counts()).toEqual(['renew 1']);
    },
  );

  it('that asks for keys there are none of is given all, once', async () => {
    const { scripts, counts } = scriptsOf(wants(9), wants(9));
    await expect(scripts.run('settle', KEY, [])).rejects.toMatchObject({ code: 'unavailable' });
    expect(counts()).toEqual(['settle 4', 'settle 6']);
  });

  it('begins anew with few keys once a slot that moves has refused it for one that is not there', async () => {
    const { scripts, counts } = scriptsOf(wants(6), moving(), 'done');
    await expect(scripts.run('transition', KEY, [])).rejects.toMatchObject({ code: 'unavailable' });
    await scripts.run('transition', KEY, []);
    expect(counts()).toEqual(['transition 4', 'transition 6', 'transition 4']);
  });

  it('is given what it needs also after a refusal for another reason', async () => {
    const { scripts, counts } = scriptsOf(wants(6), 'done', new Error('LOADING'), 'done');
    await scripts.run('transition', KEY, []);
    await expect(scripts.run('transition', KEY, [])).rejects.toMatchObject({ code: 'unavailable' });
    await scripts.run('transition', KEY, []);
    expect(counts()).toEqual(['transition 4', 'transition 6', 'transition 6', 'transition 6']);
  });
});

describe('what is remembered of streams', () => {
  it('is bounded: the stream that was asked for longest ago is forgotten first', () => {
    const needed = new NeededKeys(3);
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((id) => streamKey(id)) as [never, never, never, never];
    for (const key of [a, b, c]) needed.remember(key, 5);
    expect(needed.of(a)).toBe(5);
    needed.remember(c, 6);
    needed.remember(d, 5);
    expect([a, b, c, d].map((key) => needed.of(key))).toEqual([5, 0, 6, 5]);
  });

  it('is of some thousand streams, however many there are', () => {
    const needed = new NeededKeys();
    const keys = Array.from({ length: 20_000 }, (_, n) => streamKey(`s${n}`));
    for (const key of keys) needed.remember(key, 5);
    expect(keys.filter((key) => needed.of(key) > 0)).toEqual(keys.slice(-4_096));
  });

  it('is of one tenant’s stream, and no longer there once it is forgotten', () => {
    const needed = new NeededKeys();
    needed.remember(streamKey('s', 't'), 5);
    expect(needed.of(streamKey('s'))).toBe(0);
    needed.forget(streamKey('s', 't'));
    expect(needed.of(streamKey('s', 't'))).toBe(0);
  });
});
