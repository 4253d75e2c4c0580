/** Hosts whose code throws, events a job can't take, and runs faster than the store. */
import { setImmediate as turn } from 'node:timers/promises';
import { createStreamServices } from 'generation-jobs';
import { runAgent } from 'generation-jobs/agents';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadSdk, runFactory, type Sdk, toolHandlers, userSays } from '../support/agents.mjs';
import { eventsOf, partsOf, replica, startJob, until } from '../support/harness.js';

let sdk: Sdk;
beforeAll(async () => {
  sdk = await loadSdk();
});

const TEXT = [{ text: ['a ', 'b ', 'c '] }];
const LOOKUP = [{ tools: [{ id: 'c1', name: 'lookup', args: {} }] }, { text: ['Done.'] }];

async function failureOf(setup: Parameters<typeof runFactory>[1], options: object, more: object = {}) {
  const manager = replica({}, undefined, more);
  const errors: Error[] = [];
  const end = await runAgent(await startJob(manager), runFactory(sdk, setup), userSays(sdk, 'go'), {
    ...options,
    onError: (error) => void errors.push(error as Error),
  });
  expect(end).toMatchObject({ reason: 'failed' });
  return { failure: (await manager.getJob('s'))?.error, errors, manager };
}

describe('a job fails agent_failed, and only its host learns why, when', () => {
  const secret = 'postgres://user:secret@db';
  const throws = { handle: () => Promise.reject(new Error(secret)) };
  for (const [what, setup, options] of [
    ['a handler of the host throws', { script: TEXT }, { handlers: { on_message_delta: throws } }],
    ['the model throws', { script: [{ text: ['a '], fails: secret }] }, {}],
  ] as const) {
    it(`${what} (A15)`, async () => {
      const { failure, errors, manager } = await failureOf(setup, options);
      expect(failure).toMatchObject({ code: 'agent_failed', retryable: true });
      expect(errors.map(({ message }) => message)).toEqual([secret]);
      expect(JSON.stringify(await eventsOf(manager))).not.toContain('secret');
    });
  }

  it('createRun throws', async () => {
    const manager = replica();
    const errors: unknown[] = [];
    const end = await runAgent(await startJob(manager), () => Promise.reject(new Error(secret)), null, {
      onError(error) {
        errors.push(error);
        throw new Error('and so does this');
      },
    });
    expect(end).toMatchObject({ reason: 'failed' });
    expect((await manager.getJob('s'))?.error).toMatchObject({ code: 'agent_failed' });
    expect(errors).toHaveLength(1);
  });
});

describe('a tool that fails', () => {
  it('with a result that says so is told to the model, and the run goes on', async () => {
    const manager = replica();
    const failed = { status: 'error', content: '', errorMessage: 'no such account' };
    const createRun = runFactory(sdk, { script: LOOKUP });
    const handlers = toolHandlers(() => failed);
    expect(await runAgent(await startJob(manager), createRun, userSays(sdk, 'go'), { handlers })).toEqual({
      reason: 'completed',
    });
    expect(await partsOf(manager)).toMatchObject([
      { tool_call: { id: 'c1', output: expect.stringContaining('no such account') } },
      { text: 'Done.' },
    ]);
  });

  it('by rejecting its batch ends the run: the job fails agent_failed', async () => {
    const broken = toolHandlers(() => Promise.reject(new Error('no such account')));
    const { failure } = await failureOf({ script: LOOKUP }, { handlers: broken });
    expect(failure).toMatchObject({ code: 'agent_failed' });
  });
});

describe('an event that the job can not take', () => {
  it('is cut and marked, and the run goes on: an output over limits.eventBytes (L16)', async () => {
    let turns = 0;
    const manager = replica({}, undefined, { options: { limits: { eventBytes: 4_096 } } });
    const createRun = runFactory(sdk, { script: LOOKUP, onTurn: () => void turns++ });
    const options = { handlers: toolHandlers(() => 'x'.repeat(5_000)) };
    const job = await startJob(manager);
    expect(await runAgent(job, createRun, userSays(sdk, 'go'), options)).toEqual({ reason: 'completed' });
    expect(turns).toBe(2);
    const told: unknown[] = [];
    for await (const { event, data } of manager.subscribe('s')) {
      if (event === 'on_run_step_completed') told.push(data);
    }
    const [{ cut }] = told as [{ cut: { path: string; bytes: number }[] }];
    expect(cut).toEqual([{ path: expect.stringContaining('output'), bytes: 5_002 }]);
  });

  it('fails the run when the generation has become too large (A13)', async () => {
    const text = Array.from({ length: 100 }, (_, i) => `${i} `);
    const limits = {
      options: { snapshotEvents: 10, limits: { generationEvents: 50, unsnapshottedEvents: 50 } },
    };
    const { failure } = await failureOf({ script: [{ text }] }, {}, limits);
    expect(failure).toMatchObject({ code: 'limit_exceeded' });
  });
});

/** Resolves when a count has stood still for two hundred turns of the event loop, whatever time they take. */
async function atRest(count: () => number): Promise<void> {
  let seen = count();
  for (let still = 0; still < 200; still++) {
    await turn();
    if (count() !== seen) still = 0;
    seen = count();
  }
}

describe('a run faster than the store', () => {
  it('waits for it: no more is buffered than the job may, and nothing is lost (L14)', async () => {
    const services = createStreamServices();
    const commit = services.jobStore.commit.bind(services.jobStore);
    let isHeld = true;
    let release = () => {};
    services.jobStore.commit = async (...args) => {
      while (isHeld) {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      }
      return commit(...args);
    };
    const manager = replica({}, services, { options: { limits: { bufferEvents: 8 } } });
    const text = Array.from({ length: 100 }, (_, i) => `${i} `);
    let chunks = 0;
    const handlers = { on_message_delta: { handle: () => void chunks++ } };
    const job = await startJob(manager);
    const running = runAgent(job, runFactory(sdk, { script: [{ text }] }), userSays(sdk, 'go'), { handlers });
    await until(() => chunks >= 6, 'it has begun');
    await atRest(() => chunks);
    expect(chunks).toBeLessThan(12);
    isHeld = false;
    release();
    expect(await running).toEqual({ reason: 'completed' });
    expect(chunks).toBe(100);
    expect(await partsOf(manager)).toEqual([{ type: 'text', text: text.join('') }]);
  });
});

describe('10,000 deltas', () => {
  const text = Array.from({ length: 10_000 }, (_, i) => `${i} `);
  for (const merge of [false, true]) {
    it(`are all there, in order${merge ? ', merged where the store is slower than the model' : ''}`, async () => {
      const services = createStreamServices();
      const commit = services.jobStore.commit.bind(services.jobStore);
      if (merge) services.jobStore.commit = (...args) => turn().then(() => commit(...args));
      const manager = replica({}, services);
      const job = await startJob(manager, 's', { merge });
      const end = await runAgent(job, runFactory(sdk, { script: [{ text }] }), userSays(sdk, 'go'));
      expect(end).toEqual({ reason: 'completed' });
      const deltas = (await eventsOf(manager)).filter(({ event }) => event === 'on_message_delta');
      const said = deltas.map(({ data }) => (data as Delta).delta.content[0]?.text);
      expect(said.join('')).toBe(text.join(''));
      if (merge) expect(deltas.length).toBeLessThan(10_000);
      else expect(said).toEqual(text);
      expect(await partsOf(manager)).toEqual([{ type: 'text', text: text.join('') }]);
    });
  }
});

interface Delta {
  readonly delta: { readonly content: readonly { readonly text: string }[] };
}
