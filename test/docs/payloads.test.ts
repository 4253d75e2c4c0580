import { describe, expect, it } from 'vitest';
import { textContent } from '../../src/content/text.js';
import { publicRule } from '../../src/http/rule-routes.js';
import { createMemoryRules, createStandingDecisions, type Rule } from '../../src/rules/index.js';
import { createStreamServices } from '../../src/services.js';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import type { GenerationJob } from '../../src/stream/interfaces/generation-job.js';
import type { Hooks } from '../../src/stream/interfaces/manager-types.js';
import type { ResumeState, StreamEvent } from '../../src/stream/model/lifecycle-payloads.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { ProcessClock } from '../contract/leaks.js';
import { codeBlocks, plain, section, tableRows } from './markdown.js';

const DEFAULT_LEASE_AND_SWEEP_MS = 16_000;
const question = {
  type: 'tool_approval',
  requests: [{ id: 'r', name: 'search' }],
  payload: 1,
};

describe('PROTOCOL.md has the keys of', () => {
  it('created, requires_action, resumed and completed (3.1)', async () => {
    const events = await eventsOf({}, async (manager, job) => {
      const { actionId } = await job.pause(question);
      const decisions = [{ id: 'r', decision: 'approve' as const }];
      const next = await manager.approvals.resolve('s', { actionId, decisions, by: 'ann' });
      await next.job.complete({ text: 'done' });
    });
    expect(events.map(({ event }) => event)).toEqual(['created', 'requires_action', 'resumed', 'completed']);
    const asked = events[1]?.data as { action: object } | undefined;
    expectKeys(asked?.action, /`action`: `(\{[^`]*\})`/.exec(section('3.1'))?.[1]);
  });

  it('aborted, whoever ends it, with and without a final message (3.1)', async () => {
    for (const describeEnd of [undefined, () => ({ text: 'stopped' })]) {
      const hooks = describeEnd ? { describeEnd } : {};
      const stopped = await eventsOf(hooks, async (manager) => {
        await manager.abortJob('s', { by: 'ann', reason: 'enough' });
      });
      const replaced = await eventsOf(hooks, async (manager) => {
        await (await start(manager)).complete();
      });
      expect([stopped.at(-1)?.data, replaced.at(-1)?.data]).toMatchObject([
        { code: 'aborted', by: 'ann', reason: 'enough' },
        { code: 'replaced' },
      ]);
    }
  });

  it('failed and recovered, after a throw and after a crash (3.1, 3.3)', async () => {
    const thrown = await eventsOf({}, async (_manager, job) => {
      await job.run(() => Promise.reject(new Error('secret')));
    });
    const failAgain = (job: GenerationJob) => job.fail({ code: 'mine', message: 'no' }, 'rest');
    const recovered = await eventsOf({ recover: failAgain }, crash);
    const lost = await eventsOf({}, crash);
    expect(recovered.map(({ event }) => event)).toEqual(['created', 'recovered', 'failed']);
    const ends = [thrown, recovered, lost].map((events) => events.at(-1)?.data);
    expect(ends).toMatchObject([
      { code: 'producer_failed', retryable: true },
      { code: 'mine', retryable: false, final: 'rest' },
      { code: 'producer_lost', retryable: true },
    ]);
    const documented = new Map(
      tableRows(section('3.3')).map(([code, retryable]) => [plain(code), retryable]),
    );
    expect([documented.get('producer_failed'), documented.get('producer_lost')]).toEqual(['true', 'true']);
  });

  it('settled (3.2)', async () => {
    const manager = new GenerationJobManager(createStreamServices());
    const job = await start(manager, {});
    const follower = manager.subscribe('s', { after: 'tail', settled: true });
    await follower.ready;
    await job.complete();
    await follower.next();
    const { value } = await follower.next();
    await manager.close();
    expect(value).toMatchObject({ event: 'settled', data: { state: 'settled' } });
    expectDocumented('settled', value?.data);
  });

  it('sync, gap and gone (3.2)', async () => {
    const manager = new GenerationJobManager({
      ...createStreamServices(),
      contentModels: [textContent()],
    });
    const job = await start(manager);
    await job.emit({ event: 'text', data: { text: 'a' }, keep: 'k' });
    await job.flush();
    const follower = manager.subscribe('s', { after: `${job.generation}-9` });
    const [gap, sync] = [await follower.next(), await follower.next()].map(
      ({ value }) => value as StreamEvent,
    );
    await manager.deleteStream('s');
    const gone = (await follower.next()).value as StreamEvent;
    await manager.close();
    expect([gap, sync, gone].map((one) => one?.event)).toEqual(['gap', 'sync', 'gone']);
    for (const one of [gap, gone]) expectDocumented(one?.event ?? '', one?.data);
    const [state = ''] = codeBlocks(section('3.2')).map(({ code }) => code);
    const shown = sync?.data as ResumeState;
    expectKeys(shown, state.replace(/: \[\{.*?\}\]/g, ''));
    expectKeys(shown.kept[0], /\[(\{.*?\})\]/.exec(state)?.[1]);
  });
});

describe('PROTOCOL.md has the keys of what rules say', () => {
  it('rule_used, and a rule as it is listed (3.6)', async () => {
    const rules = createStandingDecisions({ store: createMemoryRules() });
    const manager = new GenerationJobManager({ ...createStreamServices(), rules });
    const match = { kind: 'exact', arguments: {} } as const;
    await rules.add({ tool: 't', match, scope: 'user', userId: 'u', givenBy: 'u' });
    const job = await start(manager, {});
    const answer = await rules.allows({ job, tool: 't', callId: 'c' });
    await job.complete();
    const found: unknown[] = [];
    for await (const { event, data } of manager.subscribe('s')) if (event === 'rule_used') found.push(data);
    await manager.close();
    const [rule, used] = [...section('3.6').matchAll(/`(\{[^`]*\})`/g)].map(([, shape]) => shape);
    expectKeys(found[0], used);
    expectKeys(JSON.parse(JSON.stringify(publicRule((answer as { rule: Rule }).rule))), rule);
  });
});

describe('PROTOCOL.md has the keys of what waits', () => {
  it('queued, and a run (3.2, 3.7)', async () => {
    const hooks = { startQueued: () => undefined };
    const manager = new GenerationJobManager({ ...createStreamServices(), hooks });
    const run = { streamId: 's', userId: 'u', conversationId: 'c', created: { text: 'Why?' } };
    await manager.createJob({ streamId: 's', userId: 'u' });
    const { queued } = await manager.createJob({ ...run, onConflict: 'enqueue' });
    const { queueId = '' } = queued ?? {};
    const subscription = manager.subscribe('s', { queueId });
    const waits = await subscription.next();
    const [listed] = (await manager.queue.list('s')).waiting;
    await manager.close();
    const rows = tableRows(section('3.2')).map(([event, , data]) => [plain(event ?? ''), data] as const);
    expectKeys(waits.value?.data, new Map(rows).get('queued'));
    const [, shape] = /`(\{[^`]*\})`/.exec(section('3.7')) ?? [];
    expectKeys(JSON.parse(JSON.stringify(listed)), shape);
  });
});

interface Time {
  readonly clock: FakeClock;
  /** That of the producing replica. */
  readonly process: ProcessClock;
}

/** The log of the first generation of a stream after `act`, each event with the keys PROTOCOL.md gives it. */
async function eventsOf(
  hooks: Hooks,
  act: (manager: GenerationJobManager, job: GenerationJob, time: Time) => Promise<void>,
): Promise<StreamEvent[]> {
  const clock = new FakeClock();
  const services = createStreamServices({ clock });
  const input = { ...services, contentModels: [textContent()], hooks };
  const first = new ProcessClock(clock);
  const producing = new GenerationJobManager({ ...input, clock: first });
  const other = new GenerationJobManager({ ...input, clock });
  await other.start();
  const job = await start(producing);
  await act(producing, job, { clock, process: first });
  const events: StreamEvent[] = [];
  for await (const event of other.subscribe('s', { generation: job.generation })) events.push(event);
  await Promise.all([producing.close(), other.close()]);
  for (const { event, data } of events) expectDocumented(event, data);
  return events;
}

async function start(
  manager: GenerationJobManager,
  model: { contentModel?: string } = { contentModel: 'text' },
): Promise<GenerationJob> {
  const created = await manager.createJob({
    streamId: 's',
    userId: 'u',
    ...model,
    created: { text: 'Hi' },
  });
  if (!created.started) throw new Error('not started');
  return created.job;
}

/** The producing replica dies, and the other one has the time to notice. */
async function crash(_manager: GenerationJobManager, _job: GenerationJob, time: Time): Promise<void> {
  time.process.die();
  await time.clock.advance(DEFAULT_LEASE_AND_SWEEP_MS);
}

/** By the last code of an event's row that is in braces: its data. */
function expectDocumented(event: string, data: unknown): void {
  const rows = [...tableRows(section('3.1')), ...tableRows(section('3.2'))];
  const row = rows.find(([name]) => plain(name) === event);
  const cell = row?.find((text) => /^`\{.*\}`$/.test(text));
  expectKeys(data, cell, event);
}

/** `shape` is written `{ a, b? }`: `a` must be there, `b` may, and nothing else. */
function expectKeys(data: unknown, shape = '', what = 'it'): void {
  const names = plain(shape)
    .replace(/[{}\s]/g, '')
    .split(',')
    .filter(Boolean);
  expect(names, `${what} is documented`).not.toEqual([]);
  const required = names.filter((name) => !name.endsWith('?'));
  const allowed = names.map((name) => name.replace('?', ''));
  const keys = Object.keys(data as object);
  expect(allowed, `the keys of ${what}`).toEqual(expect.arrayContaining(keys));
  expect(keys, `the keys of ${what}`).toEqual(expect.arrayContaining(required));
}
