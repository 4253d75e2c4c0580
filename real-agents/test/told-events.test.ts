/**
 * What clients are told of the events of real runs, and the SDK's own tool policy beside ours.
 */
import fc from 'fast-check';
import { createCheckpointer, createToolPolicy, runAgent, type ToEvent } from 'generation-jobs/agents';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadSdk, runFactory, type Sdk, toolHandlers, userSays } from '../support/agents.mjs';
import { eventsOf, partsOf, replica, startJob } from '../support/harness.js';

let sdk: Sdk;
beforeAll(async () => {
  sdk = await loadSdk();
});

const tokenCounter = () => 5;
const agentOf = (agentId: string, text: string) => ({
  ...{ agentId, provider: 'scripted', instructions: 'You are a test.', maxContextTokens: 8000, tokenCounter },
  clientOptions: { script: [{ text: [text] }] },
});

/** Two agents, one after the other. */
const inTurn = {
  run: {
    graphConfig: {
      type: 'multi-agent',
      agents: [agentOf('researcher', 'Notes.'), agentOf('writer', 'The answer.')],
      edges: [{ from: 'researcher', to: 'writer', edgeType: 'direct' }],
    },
  },
};

async function ran(setup: object, toEvent?: ToEvent) {
  const manager = replica();
  const job = await startJob(manager);
  const createRun = runFactory(sdk, { script: [], ...setup });
  const end = await runAgent(job, createRun, userSays(sdk, 'go'), {
    toEvent,
    handlers: toolHandlers(() => 'done'),
  });
  expect(end).toEqual({ reason: 'completed' });
  return manager;
}

describe('a run with a context gauge', () => {
  it('has its newest state for those who come late, whatever came after it', async () => {
    const script = [{ text: ['One. '], tools: [{ id: 'c1', name: 'sum', args: {} }] }, { text: ['Two.'] }];
    const manager = await ran({ script, run: { tokenCounter, indexTokenCountMap: {} } });
    const gauges = (await eventsOf(manager)).filter(({ event }) => event === 'on_context_usage');
    expect(gauges.length).toBeGreaterThan(1);
    const kept = (await manager.getResumeState('s'))?.kept;
    expect(kept).toMatchObject([{ event: 'on_context_usage', cursor: gauges.at(-1)?.cursor }]);
    expect(kept?.[0]?.data).toMatchObject({ breakdown: { maxContextTokens: 8000 } });
  });
});

describe('agents that run one after the other', () => {
  it('are all shown without toEvent', async () => {
    expect(await partsOf(await ran(inTurn))).toMatchObject([{ text: 'Notes.' }, { text: 'The answer.' }]);
  });

  it('are shown the last one alone by a toEvent that hides the others, live and for those who come late', async () => {
    const onlyWriter: ToEvent = (_name, _data, metadata) =>
      (metadata as { activeAgentId?: string } | undefined)?.activeAgentId === 'writer' ? undefined : null;
    const manager = await ran(inTurn, onlyWriter);
    expect(await partsOf(manager)).toMatchObject([{ text: 'The answer.' }]);
    expect(JSON.stringify(await eventsOf(manager))).not.toContain('Notes.');
    // What was hidden was paid for.
    expect((await manager.getJob('s'))?.usage).toMatchObject({ input_tokens: 20 });
  });
});

describe('the tool policy', () => {
  it('means by a layer what the SDK’s own policy means by it', async () => {
    const glob = fc.constantFrom('pay', 'p*', '*y', 'read_*', 'read_file', '*', 'send.mail', '*e_f*');
    const globs = fc.option(fc.array(glob, { maxLength: 3 }), { nil: undefined });
    const layerArb = fc.record({
      mode: fc.option(fc.constantFrom('default', 'dontAsk', 'bypass'), { nil: undefined }),
      ...{ allow: globs, ask: globs, deny: globs },
      reason: fc.option(fc.constant('{tool} is watched'), { nil: undefined }),
    });
    const toolArb = fc.constantFrom('pay', 'play', 'read_file', 'send.mail', 'sendXmail', 'x');
    await fc.assert(
      fc.asyncProperty(layerArb, toolArb, async (layer, toolName) => {
        const theirs = await sdk.createToolPolicyHook(layer)({ toolName });
        const ours = await createToolPolicy({ endpoint: { enabled: true, ...layer } as never }).hook?.({
          toolName,
        });
        expect(ours).toEqual(theirs);
      }),
      { numRuns: 500 },
    );
  });

  it('has `edit` offered for the tools it names, in the question a real run asks', async () => {
    const policy = createToolPolicy({ endpoint: { enabled: true, edit: ['transfer'] } });
    const checkpointer = await createCheckpointer({ saver: new sdk.MemorySaver() });
    const tools = ['transfer', 'sum'].map((name) => ({ id: name, name, args: { n: 1 } }));
    const manager = replica(checkpointer.settling());
    const hooks = new sdk.HookRegistry();
    hooks.register('PreToolUse', { hooks: [policy.hook] });
    const createRun = runFactory(sdk, { script: [{ text: ['I ask. '], tools }], run: { hooks } });
    const options = { checkpointer, handlers: toolHandlers(() => 'done') };
    const end = await runAgent(await startJob(manager), createRun, userSays(sdk, 'go'), options);
    expect(end).toEqual({ reason: 'paused' });
    expect((await manager.approvals.peek('s'))?.requests).toMatchObject([
      { id: 'transfer', allowedDecisions: ['approve', 'reject', 'edit', 'respond'] },
      { id: 'sum', allowedDecisions: ['approve', 'reject', 'respond'] },
    ]);
  });
});
