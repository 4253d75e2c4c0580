import {
  createStreamServices,
  GenerationJobManager,
  type ManagerInput,
  type PausedInput,
} from 'generation-jobs';
import { tellOnce } from 'generation-jobs/decision-links';
import { FakeClock } from 'generation-jobs/testing';
import { afterEach, describe, expect, it } from 'vitest';

const ASKS = { type: 'tool_approval', requests: [{ id: 'r', name: 'tool' }] } as const;
const managers: GenerationJobManager[] = [];

afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close();
});

/** A manager whose hook tells by mail and by push; what either does is the test's to say. */
function telling(
  mail: (paused: PausedInput, call: number) => unknown,
  push: (paused: PausedInput, call: number) => unknown,
  input: Partial<ManagerInput> = {},
) {
  const told: string[] = [];
  const count = (way: string) => told.push(way) && told.filter((one) => one === way).length;
  const outcomes: string[] = [];
  const errors: unknown[] = [];
  const manager: GenerationJobManager = new GenerationJobManager({
    ...createStreamServices(),
    options: { settleBackoffMs: 10, sweepMs: 20 },
    ...input,
    observer: { pauseTold: (outcome) => outcomes.push(outcome) },
    hooks: {
      onError: ({ error }) => errors.push(error),
      onPaused: (paused) =>
        tellOnce(manager, paused, {
          mail: (one) => mail(one, count('mail')),
          push: (one) => push(one, count('push')),
        }),
    },
  });
  managers.push(manager);
  return { manager, told, outcomes, errors };
}

async function pause(manager: GenerationJobManager, metadata: object = {}) {
  const made = await manager.createJob({ streamId: 's', userId: 'ann', metadata: { ...metadata } });
  if (!made.started) throw new Error('not started');
  return made.job.pause(ASKS);
}

const fine = () => undefined;
const throwUntil = (last: number) => (_: PausedInput, call: number) => {
  if (call < last) throw new Error('it is away');
};

describe('a pause is told in each way once (L145)', () => {
  it('though another way fails and the hook is called again', async () => {
    const clock = new FakeClock();
    const input = { ...createStreamServices({ clock }), clock };
    const { manager, told, outcomes, errors } = telling(fine, throwUntil(3), input);
    const { actionId } = await pause(manager, { model: 'm' });
    for (let step = 0; step < 1_000 && outcomes.at(-1) !== 'told'; step++) await clock.advance(100);
    expect(told).toEqual(['mail', 'push', 'push', 'push']);
    expect(outcomes).toEqual(['retried', 'retried', 'told']);
    expect(errors.map(String)).toEqual(Array(2).fill('Error: it is away'));
    expect((await manager.getJob('s'))?.metadata).toEqual({
      model: 'm',
      pauseTold: { actionId, told: { mail: true, push: true } },
    });
  });

  it('and the next pause of the same generation anew', async () => {
    const { manager, told, outcomes } = telling(fine, fine);
    const { actionId } = await pause(manager);
    await expect.poll(() => outcomes).toEqual(['told']);
    const { job } = await manager.approvals.resolve('s', {
      ...{ actionId, by: 'ann' },
      decisions: [{ id: 'r', decision: 'approve' }],
    });
    const again = await job.pause(ASKS);
    await expect.poll(() => outcomes).toEqual(['told', 'told']);
    expect(told).toEqual(['mail', 'push', 'mail', 'push']);
    expect((await manager.getJob('s'))?.metadata).toMatchObject({ pauseTold: { actionId: again.actionId } });
  });

  it('and in no further way once it is decided', async () => {
    const { manager, told } = telling(async ({ action, signal }) => {
      const decisions = [{ id: 'r', decision: 'approve' }] as const;
      const { job } = await manager.approvals.resolve('s', {
        actionId: action.actionId,
        by: 'ann',
        decisions,
      });
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await job.complete();
    }, fine);
    await pause(manager);
    await expect.poll(async () => (await manager.getJob('s'))?.status).toBe('completed');
    await manager.close();
    expect(told).toEqual(['mail']);
  });

  it('and not at all where there is no room for the marks', async () => {
    const { manager, told, outcomes } = telling(fine, fine, { options: { limits: { metadataBytes: 64 } } });
    await pause(manager);
    await expect.poll(() => outcomes.length).toBeGreaterThan(0);
    expect([told, outcomes[0]]).toEqual([[], 'retried']);
  });
});

it('refuses ways that are none, or too many', async () => {
  const { manager } = telling(fine, fine);
  const paused = {} as PausedInput;
  const many = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`w${index}`, fine]));
  for (const ways of [7, { mail: 7 }, many, { '': fine }])
    await expect(tellOnce(manager, paused, ways as never)).rejects.toMatchObject({
      code: 'invalid_argument',
    });
});
