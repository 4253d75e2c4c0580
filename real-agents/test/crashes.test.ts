/**
 * Processes killed with SIGKILL: the one that paused, the one that won the decision, the one whose tool had run. What
 * follows depends on whether the replicas left can recover (their hooks), which is why there are two groups of replicas.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/harness.js';
import { type AgentProcess, type AgentSpec, useWorld } from '../support/processes.js';

const RECOVERING = { recover: true, keyPrefix: 'r:' };
const PLAIN = { keyPrefix: 'p:' };
const used = useWorld(RECOVERING, RECOVERING, PLAIN, PLAIN);

const PAY: AgentSpec = {
  script: [
    { text: ['Moving money.'], tools: [{ id: 'c1', name: 'transfer', args: { to: 'bob' } }] },
    { text: ['All ', 'done.'] },
  ],
  ask: ['transfer'],
};
/** The model is given what was sent behind the tool that was allowed, and is still at its answer then. */
const STEERED: AgentSpec = { ...PAY, delayMs: 300 };
const APPROVE = { decisions: [{ id: 'c1', decision: 'approve' }] };
const ONCE = { input_tokens: 10, output_tokens: 5, total_tokens: 15 };
const TWICE = { input_tokens: 20, output_tokens: 10, total_tokens: 30 };

for (const [group, at] of [
  ['replicas that can recover', 0],
  ['replicas that can not', 2],
] as const) {
  const name = (what: string) => `${at === 0 ? 'r' : 'p'}-${what}`;
  const survivor = () => used.processes[at + 1] as AgentProcess;
  const over = (streamId: string) =>
    until(async () => (await used.world.settled(streamId)).length > 0, `${streamId} is settled`);
  const threadsOf = async (streamId: string) =>
    (await used.world.threads()).filter((thread) => thread.includes(`/${streamId}/`));
  /** Threads go after the host has settled. */
  const gone = (streamId: string) =>
    until(async () => (await threadsOf(streamId)).length === 0, `${streamId} has left no thread`);

  describe(`after SIGKILL, among ${group},`, () => {
    /** One process does it all, and is killed once. */
    beforeAll(async () => {
      const victim = used.processes[at] as AgentProcess;
      await victim.start(name('paused'), PAY);
      await victim.start(name('claimed'), PAY);
      await victim.resolve(name('claimed'), { ...APPROVE, claim: true });
      await victim.start(name('ran'), { ...PAY, tool: 'hangs' });
      await victim.resolve(name('ran'), { ...APPROVE, begin: true });
      await until(async () => (await used.world.ran(name('ran'))).length === 1, 'its tool runs');
      const text = Array.from({ length: 300 }, (_, i) => `${i} `);
      const script = [{ tools: [{ id: 'c0', name: 'sum', args: {} }] }, { text }];
      await victim.start(name('text'), { script, delayMs: 15 }, { begin: true });
      await until(async () => (await survivor().parts(name('text'))).length === 2, 'it writes');
      await victim.start(name('steered'), STEERED);
      await victim.call('send', { streamId: name('steered'), message: 'only five' });
      await victim.resolve(name('steered'), { ...APPROVE, begin: true });
      const isTold = async () => (await used.world.turns(name('steered'))).length === 2;
      await until(isTold, 'its model is told what was sent');
      await victim.kill();
    });

    it('a run that had paused is decided and goes on elsewhere, its usage with it (F30)', async () => {
      const id = name('paused');
      expect(await survivor().resolve(id, APPROVE)).toEqual({ reason: 'completed' });
      expect(await used.world.ran(id)).toMatchObject([{ pid: survivor().pid, args: { to: 'bob' } }]);
      expect(await survivor().parts(id)).toMatchObject([
        { text: 'Moving money.' },
        { tool_call: { output: 'did {"to":"bob"}' } },
        { text: 'All done.' },
      ]);
      await over(id);
      expect(await used.world.settled(id)).toMatchObject([{ status: 'completed', usage: TWICE }]);
      await gone(id);
    });

    if (at === 0) {
      it('a run whose winner died before its first event goes on with the decision on record (F33, L45)', async () => {
        const id = name('claimed');
        await over(id);
        expect(await used.world.settled(id)).toMatchObject([{ status: 'completed', usage: TWICE }]);
        expect(await used.world.ran(id)).toMatchObject([{ pid: survivor().pid }]);
        expect(await survivor().parts(id)).toMatchObject([
          { text: 'Moving money.' },
          { tool_call: { output: 'did {"to":"bob"}' }, approval: { decision: 'approve', by: 'ann' } },
          { text: 'All done.' },
        ]);
        await gone(id);
      });

      it('a run whose winner died after its tool had run runs the tool again, under the same call id: hosts that recover need tools that know it (rule 9)', async () => {
        const id = name('ran');
        await until(async () => (await used.world.ran(id)).length === 2, 'its tool runs again');
        expect(await used.world.ran(id)).toMatchObject([{ id: 'c1' }, { id: 'c1', pid: survivor().pid }]);
        await survivor().call('abort', { streamId: id }); // this tool never returns
        await over(id);
      });

      it('a run that was given a message since its pause is given it again, once, and the page has it once (L109)', async () => {
        const id = name('steered');
        await over(id);
        const turns = await used.world.turns(id);
        expect(turns[1]).toMatchObject({ said: ['go', 'only five'] });
        const again = turns.filter(({ pid }) => pid === survivor().pid);
        expect(again[0]).toMatchObject({ said: ['go', 'only five'] });
        const types = (await survivor().parts(id)).map((part) => (part as { type: string }).type);
        expect(types.filter((type) => type === 'message')).toHaveLength(1);
        expect(await survivor().job(id)).toMatchObject({ status: 'completed', inbox: [], unsent: [] });
      });

      it('a run in mid-text starts over, and its content and thread are those of one run (L54)', async () => {
        const id = name('text');
        await until(async () => (await survivor().job(id)).attempt === 2, 'it starts over');
        await over(id);
        const parts = (await survivor().parts(id)) as { text?: string }[];
        expect(parts).toHaveLength(2);
        expect(parts[1]?.text?.split(' ').length).toBe(301);
        // The model was paid for in both attempts.
        expect(await used.world.settled(id)).toMatchObject([
          { status: 'completed', usage: { input_tokens: 30, output_tokens: 15 } },
        ]);
        await gone(id);
      });
    } else {
      for (const [what, runs] of [
        ['claimed', 0],
        ['ran', 1],
        ['text', 1],
        ['steered', 1],
      ] as const) {
        it(`a run whose process died (${what}) fails producer_lost; its tool never runs again; usage stays; its thread goes`, async () => {
          const id = name(what);
          await over(id);
          expect(await used.world.settled(id)).toMatchObject([
            { status: 'failed', error: 'producer_lost', usage: ONCE },
          ]);
          expect(await used.world.ran(id)).toHaveLength(runs);
          await gone(id);
        });
      }
    }
  });
}
