/** A sub-agent whose own tool asks: its pause is the job's, its content is nested, its usage counted, its threads deleted. */
import { type Checkpointer, createCheckpointer, resumeAgent, runAgent } from 'generation-jobs/agents';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type AgentSetup,
  loadSdk,
  runFactory,
  type Sdk,
  toolHandlers,
  userSays,
} from '../support/agents.mjs';
import { decide, partsOf, replica, startJob, threadsIn } from '../support/harness.js';

let sdk: Sdk;
let checkpointer: Checkpointer;
beforeAll(async () => {
  sdk = await loadSdk();
});
beforeEach(async () => {
  checkpointer = await createCheckpointer({ saver: new sdk.MemorySaver() });
});

const pay = (id: string) => ({ id, name: 'transfer', args: { to: id } });
const delegate = (id: string) => ({
  id,
  name: 'subagent',
  args: { description: id, subagent_type: 'payer' },
});

function setupOf(asking: readonly string[]): AgentSetup {
  return {
    script: [{ text: ['Delegating. '], tools: [delegate('s1')] }, { text: ['All done.'] }],
    ask: ['transfer'],
    subagent: {
      script: [...asking.map((id) => ({ text: ['I pay. '], tools: [pay(id)] })), { text: ['Paid.'] }],
    },
  };
}

describe('a sub-agent whose tool asks', () => {
  for (const [decision, output, runs] of [
    ['approve', 'did c1', ['c1']],
    ['reject', expect.stringMatching(/^Blocked/), []],
  ] as const) {
    it(`pauses the job, and after "${decision}" the sub-agent goes on where it was`, async () => {
      const executed: string[] = [];
      const handlers = toolHandlers(({ id }) => {
        executed.push(id);
        return `did ${id}`;
      });
      const createRun = runFactory(sdk, setupOf(['c1']));
      const manager = replica(checkpointer.settling());
      const options = { checkpointer, handlers };
      const end = await runAgent(await startJob(manager), createRun, userSays(sdk, 'go'), options);
      expect(end).toEqual({ reason: 'paused' });
      expect((await manager.approvals.peek('s'))?.requests).toMatchObject([
        { id: 'c1', arguments: { to: 'c1' } },
      ]);
      const { job, continuation } = await decide(manager, { decisions: [{ id: 'c1', decision }] });
      expect(await resumeAgent(job, continuation, createRun, options)).toEqual({ reason: 'completed' });
      expect(executed).toEqual(runs);
      expect(await partsOf(manager)).toMatchObject([
        { type: 'text', text: 'Delegating. ' },
        {
          tool_call: { id: 's1', output: 'Paid.' },
          subagents: [
            {
              type: 'payer',
              status: 'completed',
              parts: [{ text: 'I pay. ' }, { tool_call: { id: 'c1', output } }, { text: 'Paid.' }],
            },
          ],
        },
        { type: 'text', text: 'All done.' },
      ]);
      // Two calls of the parent's model and two of the sub-agent's.
      expect((await manager.getJob('s'))?.usage).toMatchObject({ input_tokens: 40, output_tokens: 20 });
      await manager.upkeep.idle();
      expect(threadsIn(checkpointer.saver)).toEqual([]);
    });
  }

  it('again and again leaves none of the threads each resume has made', async () => {
    const createRun = runFactory(sdk, setupOf(['c1', 'c2', 'c3']));
    const manager = replica(checkpointer.settling());
    const options = { checkpointer, handlers: toolHandlers(({ id }) => `did ${id}`) };
    let end = await runAgent(await startJob(manager), createRun, userSays(sdk, 'go'), options);
    for (const id of ['c1', 'c2', 'c3']) {
      expect(end).toEqual({ reason: 'paused' });
      const { job, continuation } = await decide(manager, { decisions: [{ id, decision: 'approve' }] });
      end = await resumeAgent(job, continuation, createRun, options);
    }
    expect(end).toEqual({ reason: 'completed' });
    await manager.upkeep.idle();
    expect(threadsIn(checkpointer.saver)).toEqual([]);
  });

  it('leaves no thread when it is aborted as it waits', async () => {
    const manager = replica(checkpointer.settling());
    const options = { checkpointer, handlers: toolHandlers(({ id }) => `did ${id}`) };
    await runAgent(await startJob(manager), runFactory(sdk, setupOf(['c1'])), userSays(sdk, 'go'), options);
    expect(threadsIn(checkpointer.saver)).toHaveLength(2);
    await manager.abortJob('s');
    await manager.upkeep.idle();
    expect(threadsIn(checkpointer.saver)).toEqual([]);
  });

  it('leaves no thread when it is aborted as it works', async () => {
    const manager = replica(checkpointer.settling());
    const handlers = toolHandlers(async () => {
      await manager.abortJob('s');
      return 'too late';
    });
    const createRun = runFactory(sdk, { ...setupOf(['c1']), ask: [] });
    const end = await runAgent(await startJob(manager), createRun, userSays(sdk, 'go'), {
      checkpointer,
      handlers,
    });
    expect(end).toEqual({ reason: 'aborted' });
    await manager.upkeep.idle();
    expect(threadsIn(checkpointer.saver)).toEqual([]);
  });
});
