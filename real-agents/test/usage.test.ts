/** What an agent's model calls have used, by call: the SDK says what each was for. */
import { runAgent, usageCallbacks } from 'generation-jobs/agents';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadSdk, runFactory, type Sdk, toolHandlers, userSays } from '../support/agents.mjs';
import { replica, startJob } from '../support/harness.js';

let sdk: Sdk;
beforeAll(async () => {
  sdk = await loadSdk();
});

const CALL = { input_tokens: 10, output_tokens: 5, total_tokens: 15 };

describe('the usage of an agent', () => {
  it('L60 has an entry for each call of a model, of its sub-agent’s and of a title', async () => {
    const delegate = { id: 's1', name: 'subagent', args: { description: 's1', subagent_type: 'payer' } };
    const createRun = runFactory(sdk, {
      script: [{ text: ['Delegating. '], tools: [delegate] }, { text: ['All done.'] }],
      subagent: { script: [{ text: ['Paid.'] }] },
    });
    const manager = replica();
    const job = await startJob(manager);
    const title = (run: unknown) =>
      (run as TitleMaker).generateTitle({
        provider: 'scripted',
        clientOptions: { script: [{ text: ['A title'] }] },
        inputText: 'pay',
        contentParts: [],
        titleMethod: 'completion',
        chainOptions: { callbacks: [usageCallbacks(job)] },
      });
    const build: typeof createRun = async (setup) => {
      const run = await createRun(setup);
      const processStream = run.processStream.bind(run);
      // As a host that names the conversation before it ends.
      return Object.assign(run, {
        processStream: async (...given: Parameters<typeof processStream>) => {
          const returned = await processStream(...given);
          await title(run);
          return returned;
        },
      });
    };
    const options = { handlers: toolHandlers(() => 'did') };
    expect(await runAgent(job, build, userSays(sdk, 'go'), options)).toEqual({ reason: 'completed' });
    const record = await manager.getJob('s');
    const main = { kind: 'model', provider: 'scripted', agentId: 'agent_1', calls: 1, usage: CALL };
    const { agentId: _, ...called } = main;
    expect(record?.usageEntries).toMatchObject([
      main,
      { ...called, kind: 'subagent', agentId: 'payer_1' },
      main,
      { kind: 'title', calls: 1, usage: CALL },
    ]);
    expect(record?.usage).toMatchObject({ input_tokens: 40, output_tokens: 20 });
  });

  it('L60 says which call was for a summary', async () => {
    const manager = replica();
    const createRun = runFactory(sdk, {
      script: [{ text: ['They spoke of money.'] }],
      agent: { summarizationEnabled: true, summarizeOnly: true },
    });
    const job = await startJob(manager);
    expect(await runAgent(job, createRun, userSays(sdk, 'hi'))).toEqual({ reason: 'completed' });
    const record = await manager.getJob('s');
    expect(record?.usageEntries).toMatchObject([{ kind: 'summary', provider: 'scripted', usage: CALL }]);
  });

  it('L60 of a run that is stopped has what was counted up to the stop', async () => {
    const settled: unknown[] = [];
    const manager = replica({ settle: (ended) => void settled.push(ended.usageEntries) });
    const call = { id: 'c1', name: 'transfer', args: {} };
    const createRun = runFactory(sdk, {
      script: [{ text: ['Paying.'], tools: [call] }, { text: ['Done.'] }],
    });
    const job = await startJob(manager);
    const handlers = toolHandlers(async () => {
      await manager.abortJob('s');
      return 'paid';
    });
    expect(await runAgent(job, createRun, userSays(sdk, 'go'), { handlers })).toMatchObject({
      reason: 'aborted',
    });
    await expect.poll(() => settled).toHaveLength(1);
    expect(settled[0]).toMatchObject([{ kind: 'model', agentId: 'agent_1', usage: CALL }]);
    expect(await manager.getJob('s')).toMatchObject({ producerLeft: true });
  });
});

interface TitleMaker {
  generateTitle(given: object): Promise<unknown>;
}
