/**
 * Paused in one process, resumed in another, through Redis and Mongo: by two drivers, for every decision, by two at once,
 * and stopped from elsewhere. Whatever the end, nothing is left in Mongo.
 */
import { describe, expect, it } from 'vitest';
import { until } from '../support/harness.js';
import { type AgentProcess, type AgentSpec, useWorld } from '../support/processes.js';

/** Nobody dies here: no lease lapses on a busy machine. */
const ROOMY = { leaseMs: 20_000 };
const used = useWorld({ mongoose: 'mongoose', options: ROOMY }, { mongoose: 'mongoose8', options: ROOMY });
const nine = () => used.processes[0] as AgentProcess;
const eight = () => used.processes[1] as AgentProcess;
/** Until no thread of the stream has a document. */
async function noDocumentIsLeft(streamId = ''): Promise<void> {
  const ofIt = async () => (await used.world.threads()).filter((thread) => thread.includes(`/${streamId}`));
  await expect.poll(ofIt, { interval: 10 }).toEqual([]);
}

const ASKS = { tools: [{ id: 'c1', name: 'transfer', args: { to: 'bob' } }] };
const PAY: AgentSpec = {
  script: [{ reasoning: ['Hm. '], text: ['Moving ', 'money.'], ...ASKS }, { text: ['All ', 'done.'] }],
  ask: ['transfer'],
};
const APPROVE = { decisions: [{ id: 'c1', decision: 'approve' }] };

describe('a run paused in one process', () => {
  const ways: [string, () => AgentProcess, () => AgentProcess][] = [
    ['mongoose 9, then 8', nine, eight],
    ['mongoose 8, then 9', eight, nine],
  ];
  for (const [way, first, second] of ways) {
    for (const [decision, more, output, args] of [
      ['approve', {}, 'did {"to":"bob"}', { to: 'bob' }],
      ['reject', { reason: 'no way' }, 'Blocked: no way', undefined],
      ['edit', { arguments: { to: 'eve' } }, 'did {"to":"eve"}', { to: 'eve' }],
      ['respond', { text: 'pretend it is done' }, 'pretend it is done', undefined],
    ] as const) {
      it(`goes on in another after "${decision}", its content that of an unbroken run (${way}; L20)`, async () => {
        const streamId = `${way.replaceAll(/\W+/g, '-')}-${decision}`;
        expect(await first().start(streamId, PAY)).toMatchObject({ reason: 'paused' });
        expect((await used.world.threads()).length).toBeGreaterThan(0);
        const end = await second().resolve(streamId, { decisions: [{ id: 'c1', decision, ...more }] });
        expect(end).toEqual({ reason: 'completed' });
        const ran = args === undefined ? [] : [{ pid: second().pid, id: 'c1', name: 'transfer', args }];
        expect(await used.world.ran(streamId)).toEqual(ran);
        const parts = await second().parts(streamId);
        expect(parts).toMatchObject([{}, {}, { tool_call: { output }, approval: { decision } }, {}]);
        await first().start(`${streamId}-whole`, { ...PAY, ask: [] });
        const whole = await first().parts(`${streamId}-whole`);
        expect(withoutDecision(parts)).toEqual(withoutDecision(whole));
        await noDocumentIsLeft(streamId);
      });
    }
  }

  it('counts the usage of both, on any replica and in the settlement', async () => {
    await nine().start('usage', PAY);
    const before = { input_tokens: 10, output_tokens: 5, total_tokens: 15 };
    expect((await eight().job('usage')).usage).toEqual(before);
    await eight().resolve('usage', APPROVE);
    const after = { input_tokens: 20, output_tokens: 10, total_tokens: 30 };
    expect((await nine().job('usage')).usage).toEqual(after);
    await until(async () => (await used.world.settled('usage')).length > 0, 'it is settled');
    expect(await used.world.settled('usage')).toMatchObject([{ status: 'completed', usage: after }]);
  });

  it('and decided in two at once runs its tool once, 20 times over (rule 1; F31)', async () => {
    for (let round = 0; round < 20; round++) {
      const streamId = `race-${round}`;
      await nine().start(streamId, PAY);
      const action = await nine().peek(streamId);
      const time = Date.now() + 20;
      const ask = (one: AgentProcess, decision: string) => {
        const input = { streamId, actionId: action?.actionId, decisions: [{ id: 'c1', decision }] };
        return one.call<{ reason: string }>('at', { time, operation: 'resolve', input });
      };
      const other = round % 2 === 0 ? 'approve' : 'reject';
      const both = await Promise.allSettled([ask(nine(), 'approve'), ask(eight(), other)]);
      const [winner] = both.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      const [loser] = both.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
      expect([winner, loser]).toEqual([{ reason: 'completed' }, 'action_decided']);
      const isRun = both[0]?.status === 'fulfilled' || other === 'approve';
      expect(await used.world.ran(streamId)).toHaveLength(isRun ? 1 : 0);
    }
    await noDocumentIsLeft('race');
  });

  it('within a sub-agent goes on there in another, and its threads are gone at the end', async () => {
    const child: AgentSpec = { script: [{ text: ['I pay. '], ...ASKS }, { text: ['Paid.'] }] };
    const args = { description: 'pay bob', subagent_type: 'payer' };
    const parent: AgentSpec = {
      script: [{ tools: [{ id: 's1', name: 'subagent', args }] }, { text: ['All done.'] }],
      ask: ['transfer'],
      subagent: child,
    };
    expect(await nine().start('child', parent)).toMatchObject({ reason: 'paused' });
    expect((await eight().peek('child'))?.requests).toMatchObject([{ id: 'c1', name: 'transfer' }]);
    expect(await eight().resolve('child', APPROVE)).toEqual({ reason: 'completed' });
    expect(await used.world.ran('child')).toMatchObject([{ pid: eight().pid, id: 'c1' }]);
    expect(await eight().parts('child')).toMatchObject([
      { tool_call: { id: 's1', output: expect.stringContaining('Paid.') } },
      { type: 'text', text: 'All done.' },
    ]);
    expect((await nine().job('child')).usage).toMatchObject({ input_tokens: 40, output_tokens: 20 });
    await noDocumentIsLeft('child');
  });
});

describe('a run aborted from another replica', () => {
  it('while its tool runs stops the tool by job.signal, keeps what there is, and leaves no thread (L30; rule 12)', async () => {
    await nine().start('stop-tool', { ...PAY, ask: [], tool: 'waits' }, { begin: true });
    await until(async () => (await used.world.ran('stop-tool')).length === 1, 'the tool runs');
    // A tool begins while what the model said of it is still on its way to the log.
    await until(async () => (await eight().parts('stop-tool')).length === 3, 'it is said');
    const aborted = await eight().call('abort', { streamId: 'stop-tool' });
    const kept = [{ type: 'think' }, { type: 'text', text: 'Moving money.' }, { tool_call: { id: 'c1' } }];
    expect(aborted).toMatchObject({ aborted: true, content: { parts: kept } });
    expect(await nine().ended('stop-tool')).toEqual({ reason: 'aborted' });
    expect(await used.world.ran('stop-tool')).toMatchObject([{ id: 'c1' }, { stopped: 'aborted' }]);
    expect((await eight().job('stop-tool')).usage).toMatchObject({ output_tokens: 5 });
    await noDocumentIsLeft('stop-tool');
  });

  it('in mid-text stops the model and keeps the text so far', async () => {
    const text = Array.from({ length: 5_000 }, (_, i) => `${i} `);
    await nine().start('stop-text', { script: [{ text }], delayMs: 10 }, { begin: true });
    await until(
      async () =>
        (
          await eight()
            .parts('stop-text')
            .catch(() => [])
        ).length === 1,
      'it writes',
    );
    await eight().call('abort', { streamId: 'stop-text' });
    expect(await nine().ended('stop-text')).toEqual({ reason: 'aborted' });
    const [part] = (await eight().parts('stop-text')) as { text: string }[];
    expect(text.join('').startsWith(part?.text ?? '-')).toBe(true);
    expect(part?.text.length).toBeLessThan(text.join('').length);
    await noDocumentIsLeft('stop-text');
  });

  it('after it had asked is over there too: the tool never runs, the thread is gone (L32)', async () => {
    await nine().start('stop-pause', PAY);
    await eight().call('abort', { streamId: 'stop-pause' });
    await expect(nine().resolve('stop-pause', APPROVE)).rejects.toMatchObject({ code: expect.anything() });
    expect(await used.world.ran('stop-pause')).toEqual([]);
    await noDocumentIsLeft('stop-pause');
  });
});

/** What a decision changes: whether somebody was asked, and what came of the call. */
function withoutDecision(parts: readonly object[]): object[] {
  return parts.map((part) => {
    const { approval: _, ...rest } = part as { approval?: unknown; tool_call?: object };
    return rest.tool_call
      ? { ...rest, tool_call: { ...rest.tool_call, output: undefined, args: undefined } }
      : rest;
  });
}
