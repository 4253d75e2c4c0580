/**
 * A reader of the library's own layers that throws: hosts can't make one, so it is no part of the suite others run.
 */
import { it } from 'vitest';
import { internalsOf } from '../../src/stream/process/internals.js';
import { type Contract, runContract } from './harness.js';
import { memoryBackend } from './memory.js';
import { expect } from './tools.js';

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

const contract: Contract = {
  id: 'L13',
  title: 'a follower that throws loses nobody else’s events, nor the producer',
  async run(h) {
    const replica = await h.replica();
    const job = await h.start(replica);
    const before = h.follow(replica);
    const thrower = internalsOf(replica.manager).follow('s', {});
    thrower.onReadable = () => {
      throw new Error('a reader’s own defect');
    };
    const after = h.follow(replica);
    await h.soon(Promise.allSettled([before.subscription.ready, thrower.ready, after.subscription.ready]));
    for (const n of upTo(50)) {
      job.emit({ event: 'n', data: n });
      if (n % 10 === 0) await h.rest();
    }
    await job.complete();
    const log = await h.log();
    expect(await h.finished(before)).toEqual(log);
    expect(await h.finished(after)).toEqual(log);
    thrower.onReadable = undefined;
    thrower.detach('left');
  },
};

it('L13 a follower that throws loses nobody else’s events, nor the producer', () =>
  runContract(contract, () => memoryBackend()));
