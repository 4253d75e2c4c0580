/** Tools that the model is shown only once it has looked for them. */
import { createCheckpointer, resumeAgent, runAgent } from 'generation-jobs/agents';
import { beforeAll, expect, it } from 'vitest';
import { loadSdk, runFactory, type Sdk, toolHandlers, userSays } from '../support/agents.mjs';
import { decide, replica, startJob } from '../support/harness.js';

let sdk: Sdk;
beforeAll(async () => {
  sdk = await loadSdk();
});

it('a deferred tool that was found before the pause is there after it, and runs', async () => {
  const checkpointer = await createCheckpointer({ saver: new sdk.MemorySaver() });
  const script = [
    { tools: [{ id: 'find', name: 'tool_search', args: {} }] },
    { tools: [{ id: 'c1', name: 'transfer', args: {} }] },
    { tools: [{ id: 'c2', name: 'hidden', args: {} }] },
    { text: ['Done.'] },
  ];
  const executed: string[] = [];
  const handlers = toolHandlers(({ id, name }) => {
    executed.push(id);
    return name === 'tool_search'
      ? { content: 'hidden', artifact: { tool_references: [{ tool_name: 'hidden' }] } }
      : 'done';
  });
  const createRun = runFactory(sdk, { script, ask: ['transfer'] });
  const given: (readonly string[])[] = [];
  const shown: boolean[] = [];
  const watching: typeof createRun = async (setup) => {
    given.push(setup.discoveredTools);
    const run = (await createRun(setup)) as Sdk;
    const bound = run.Graph.agentContexts.get('agent_1').getToolsForBinding() as { name: string }[];
    shown.push(bound.some(({ name }) => name === 'hidden'));
    return run;
  };
  const manager = replica();
  const options = { checkpointer, handlers };
  expect(await runAgent(await startJob(manager), watching, userSays(sdk, 'go'), options)).toEqual({
    reason: 'paused',
  });
  const { job, continuation } = await decide(manager, { decisions: [{ id: 'c1', decision: 'approve' }] });
  expect(await resumeAgent(job, continuation, watching, options)).toEqual({ reason: 'completed' });
  expect(given).toEqual([[], ['hidden']]);
  expect(shown).toEqual([false, true]);
  expect(executed).toEqual(['find', 'c1', 'c2']);
});
