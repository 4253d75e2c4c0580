/** Calls of `onProgress`: whatever is asked to be told, at whichever moment, is told, or something newer. */
import { expect, it } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { ProgressCalls } from '../../src/stream/process/progress-calls.js';

const KEY = { tenantId: undefined, streamId: 's', id: '/s' };
/** More turns of promises than lie between a call's end and the next. */
const MOST_TURNS = 20;

it.each(Array.from({ length: MOST_TURNS }, (_, turns) => ({ turns })))(
  'what is asked $turns turns after a call has ended is told',
  async ({ turns }) => {
    const heard: number[] = [];
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const calls = new ProgressCalls({
      clock: systemClock,
      options: { hookMs: 60_000 },
      observer: { hookFailed: () => {} },
      errors: { report: () => {} },
      hooks: {
        onProgress: async ({ sequence }) => {
          heard.push(sequence);
          if (sequence === 1) end();
        },
      },
    });
    const tell = (sequence: number) =>
      calls.tell(KEY, 1, async () => ({ record: {} as never, content: null, sequence }));
    const first = tell(1);
    await ended;
    for (let turn = 0; turn < turns; turn++) await undefined;
    await tell(2);
    await first;
    expect(heard).toEqual([1, 2]);
  },
);
