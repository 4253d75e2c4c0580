/** For how long an agent is borne, and when the time does not count. */
import { afterEach, expect, it, vi } from 'vitest';
import { Patience } from '../../src/worker/process/patience.js';

const until = (look: () => boolean) => vi.waitUntil(look, { timeout: 60_000, interval: 1 });

const made: Patience[] = [];
afterEach(() => {
  for (const patience of made.splice(0)) patience.end();
});

function stage(times: { silenceMs: number; graceMs: number }) {
  const state = { isExcused: true, looks: 0, over: [] as string[] };
  const patience = new Patience({
    ...times,
    isExcused: () => {
      state.looks++;
      return state.isExcused;
    },
    onOver: (why) => void state.over.push(why),
  });
  made.push(patience);
  return { state, patience };
}

it('an agent that has said its last line is not told to go while it could not be heard', async () => {
  const { state, patience } = stage({ silenceMs: 600_000, graceMs: 5 });
  patience.isDone(true);
  await until(() => state.looks > 5);
  expect(state.over).toEqual([]);
  state.isExcused = false;
  await until(() => state.over.length > 0);
  expect(state.over).toEqual(['lingering']);
});

it('an agent that goes on after its last line is not told to go', async () => {
  const { state, patience } = stage({ silenceMs: 600_000, graceMs: 50 });
  const other = stage({ silenceMs: 600_000, graceMs: 60 });
  state.isExcused = false;
  other.state.isExcused = false;
  patience.isDone(true);
  other.patience.isDone(true);
  patience.isDone(false);
  await until(() => other.state.over.length > 0);
  expect(state.over).toEqual([]);
});

it('silence counts from when the agent could be heard again', async () => {
  const { state } = stage({ silenceMs: 5, graceMs: 5 });
  await until(() => state.looks > 5);
  expect(state.over).toEqual([]);
  state.isExcused = false;
  await until(() => state.over.length > 0);
  expect(state.over).toEqual(['silence']);
});
