/** What a process keeps of a pause that it is telling the host of. */
import { createStreamServices, GenerationJobManager, type Hooks } from 'generation-jobs';
import { FakeClock } from 'generation-jobs/testing';
import { expect, it, vi } from 'vitest';
import { CountedTransport } from '../contract/leaks.js';

const ASKS = { type: 'tool_approval', requests: [{ id: 'r', name: 'tool' }] } as const;

/** The place at which a manager hears of stops. */
const SIGNALS = 1;

async function pausedWith(hooks: Hooks) {
  const clock = new FakeClock();
  const { jobStore, eventTransport } = createStreamServices({ clock });
  const transport = new CountedTransport(eventTransport);
  const manager = new GenerationJobManager({ jobStore, eventTransport: transport, clock, hooks });
  const created = await manager.createJob({ streamId: 's', userId: 'ann' });
  if (!created.started) throw new Error('It was not started.');
  await created.job.pause(ASKS);
  return { clock, manager, transport };
}

it('a hook that never returns, and heeds no signal, keeps neither the stream nor a timer once the manager is closed', async () => {
  const onPaused = vi.fn(() => new Promise(() => {}));
  const { clock, manager, transport } = await pausedWith({ onPaused });
  await expect.poll(() => [onPaused.mock.calls.length, transport.places]).toEqual([1, SIGNALS + 1]);
  let isClosed = false;
  void manager.close().then(() => {
    isClosed = true;
  });
  for (let seconds = 0; seconds < 30 && !isClosed; seconds++) await clock.advance(1_000);
  expect(isClosed).toBe(true);
  expect(transport.places).toBe(0);
  expect(clock.pendingTimers).toBe(0);
});

it('a hook that has returned leaves nothing behind: nobody watches the pause any more', async () => {
  const onPaused = vi.fn();
  const { manager, transport } = await pausedWith({ onPaused });
  await expect.poll(() => onPaused.mock.calls.length).toBe(1);
  await manager.upkeep.idle();
  expect(transport.places).toBe(SIGNALS);
  await manager.close();
});

it('without onProgress a settlement copies no content for it and waits for nobody', async () => {
  const clone = vi.spyOn(globalThis, 'structuredClone');
  const clock = new FakeClock();
  const settle = vi.fn();
  const manager = new GenerationJobManager({
    ...createStreamServices({ clock }),
    clock,
    contentModels: [{ name: 'list', initial: () => [0], fold: (content: number[]) => content }],
    hooks: { settle },
  });
  const created = await manager.createJob({ streamId: 's', userId: 'ann', contentModel: 'list' });
  if (!created.started) throw new Error('It was not started.');
  await created.job.complete();
  await manager.upkeep.idle();
  expect(settle).toHaveBeenCalledOnce();
  expect(clone.mock.calls.filter(([value]) => Array.isArray(value))).toEqual([]);
  clone.mockRestore();
  await manager.close();
});
