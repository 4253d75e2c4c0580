/**
 * What a generation has used, in all and by call.
 */
import type { GenerationJob, Hooks, JobRecord, UsageInput } from 'generation-jobs';
import { AT_ONCE_MS, type Contract, codeOf, type Harness, rejection, TIMES } from './harness.js';
import { expect } from './tools.js';

type Ended = Parameters<NonNullable<Hooks['settle']>>[0];

const LABELS = { kind: 'model', model: 'large', provider: 'p', agentId: 'main' } as const;

async function recordOf(h: Harness, { key, generation }: GenerationJob): Promise<JobRecord> {
  const [record] = await h.store.read(key, generation);
  return record as JobRecord;
}

/** Whatever the list has become, it counts each call once, and together what the totals are. */
function expectWhole({ usage, usageEntries }: JobRecord, calls: number): void {
  const sums: Record<string, number> = {};
  for (const entry of usageEntries)
    for (const [name, value] of Object.entries(entry.usage)) sums[name] = (sums[name] ?? 0) + value;
  expect(sums).toEqual(usage);
  expect(usageEntries.reduce((sum, entry) => sum + entry.calls, 0)).toBe(calls);
}

export const usageContracts: readonly Contract[] = [
  {
    id: 'L60',
    title:
      'usage is kept in all and by call, with numbers that nest, in the record, the resume state, a stop’s answer and its settlement',
    async run(h) {
      const seen: Ended[] = [];
      const [one, two] = await h.two({ hooks: { settle: (ended) => void seen.push(ended) } });
      const job = await h.start(one);
      const reported = {
        input_tokens: 3,
        output_tokens: undefined,
        details: { cached: { read: 2 }, audio: null },
      };
      await job.addUsage({ ...LABELS, ...reported });
      await job.addUsage({ kind: 'title', input_tokens: 4, 'details.cached.read': 1 });
      await job.addUsage({ cost: 0.5 });
      await job.addUsage({ kind: 'nothing', tokens: undefined });
      const usage = { input_tokens: 7, 'details.cached.read': 3, cost: 0.5 };
      const usageEntries = [
        { ...LABELS, calls: 1, usage: { input_tokens: 3, 'details.cached.read': 2 } },
        { kind: 'title', calls: 1, usage: { input_tokens: 4, 'details.cached.read': 1 } },
        { calls: 1, usage: { cost: 0.5 } },
      ];
      const told = { usage, usageEntries };
      expect(await recordOf(h, job)).toMatchObject(told);
      expect(await two.manager.getResumeState('s')).toMatchObject(told);
      // Which models and agents were called is none of a client's business.
      const shown = await two.manager.getPublicState('s');
      expect([shown?.usage, Object.keys(shown ?? {}).includes('usageEntries')]).toEqual([usage, false]);
      expect(await two.manager.abortJob('s')).toMatchObject(told);
      await h.until(() => seen.length === 1, 'it is settled', AT_ONCE_MS);
      expect(seen[0]).toMatchObject(told);
      expect(seen[0]?.record).toMatchObject(told);
    },
  },
  {
    id: 'L60',
    title: 'a list that is full keeps an entry for all calls that are alike, and one for what doesn’t fit',
    async run(h) {
      const replica = await h.replica();
      const job = await h.start(replica);
      const call = (n: number): UsageInput => ({ model: `m${n % 3}`, tokens: n });
      for (let n = 0; n < 64; n++) void job.addUsage(call(n));
      await h.soon(job.flush());
      expect((await recordOf(h, job)).usageEntries).toHaveLength(64);
      for (let n = 64; n < 66; n++) await h.soon(job.addUsage(call(n)));
      const merged = await recordOf(h, job);
      expect(merged.usageEntries.map(({ model, calls }) => [model, calls])).toEqual([
        ['m0', 22],
        ['m1', 22],
        ['m2', 22],
      ]);
      expectWhole(merged, 66);
      // Once merged it stays so, and beyond its bound what is unlike all others goes together.
      for (let n = 0; n < 100; n++) void job.addUsage({ agentId: `a${n}`, tokens: 1 });
      void job.addUsage({ agentId: 'a0', more: 1 });
      await h.soon(job.flush());
      const full = await recordOf(h, job);
      expect(full.usageEntries).toHaveLength(65);
      expect(full.usageEntries.at(-1)).toEqual({ kind: 'other', calls: 39, usage: { tokens: 39 } });
      const again = full.usageEntries.find(({ agentId }) => agentId === 'a0');
      expect(again).toEqual({ agentId: 'a0', calls: 2, usage: { tokens: 1, more: 1 } });
      expectWhole(full, 167);
    },
  },
  {
    id: 'L60',
    title: 'an attempt counts on from the one before it, and each of lost replies once',
    timesLapse: true,
    async run(h) {
      const adopted: GenerationJob[] = [];
      const recover = (job: GenerationJob) => {
        adopted.push(job);
        return new Promise((resolve) => job.signal.addEventListener('abort', resolve));
      };
      const doomed = await h.replica();
      const heir = await h.replica({ hooks: { recover } });
      const first = await h.start(doomed);
      await first.addUsage({ ...LABELS, tokens: 1 });
      await doomed.crash();
      await h.until(() => adopted.length === 1, 'it is taken over', TIMES.leaseMs + 5 * TIMES.sweepMs);
      const job = adopted[0] as GenerationJob;
      await h.soon(job.addUsage({ ...LABELS, tokens: 2 }));
      await heir.manager.abortJob('s');
      const record = await recordOf(h, job);
      expect(record.usage).toEqual({ tokens: 3 });
      expect(record.usageEntries.map((entry) => entry.usage)).toEqual([{ tokens: 1 }, { tokens: 2 }]);
    },
  },
  {
    id: 'L60',
    title: 'what is neither a label nor a number is refused by name, and nothing of it is counted',
    async run(h) {
      const job = await h.start(await h.replica());
      let deep: object = { tokens: 1 };
      for (let n = 0; n < 9; n++) deep = { deep };
      const many = Object.fromEntries(Array.from({ length: 129 }, (_, n) => [`n${n}`, 1]));
      const bad: [unknown, string][] = [
        [null, 'usage must be an object'],
        [[1], 'usage must be an object'],
        [{ tokens: '3' }, 'usage.tokens must be a finite number'],
        [{ modle: 'large' }, 'did you mean "model"?'],
        [{ details: { cached: true } }, 'usage.details.cached must be a finite number'],
        [{ details: [1] }, 'usage.details must be a finite number'],
        [{ tokens: Number.NaN }, 'usage.tokens must be a finite number'],
        [{ model: 3 }, 'usage.model must have 1 to 256'],
        [{ kind: '' }, 'usage.kind must have 1 to 256'],
        [{ agentId: 'a'.repeat(257) }, 'usage.agentId must have 1 to 256'],
        [{ ['t'.repeat(129)]: 1 }, 'has 1 to 128 well-formed characters'],
        [deep, 'nests deeper than 8 objects'],
        [many, 'no more than 128 different counters'],
      ];
      for (const [given, said] of bad) {
        const error = await rejection(
          job.addUsage({ ...LABELS, tokens: 1 }).then(() => job.addUsage(given as UsageInput)),
        );
        expect(codeOf(error), said).toBe('invalid_argument');
        expect(String(error)).toContain(said);
      }
      const record = await recordOf(h, job);
      expect(record.usage).toEqual({ tokens: bad.length });
      expectWhole(record, bad.length);
    },
  },
];
