import { createStreamServices, GenerationJobError, type StreamServices } from 'generation-jobs';
import { describe, expect, it } from 'vitest';
import { wrapStore } from '../../src/testing/wrapped-store.js';
import { APPROVE, ask, decide, REJECT } from './asking.js';
import { ADAPTERS, codeOf, follow, getJson, postJson, type Reader, serve, until } from './serving.js';

const CANARY = 'canary-4b1d0e';

const namesOf = ({ events }: Reader) => events.map(({ event }) => event);
const dataOf = ({ events }: Reader, name: string) =>
  events.filter(({ event }) => event === name).map(({ data }) => JSON.parse(data));
const outcomeOf = ({ body }: { body: unknown }) => (body as { error: { outcome?: unknown } }).error.outcome;

describe.each(ADAPTERS)('a decision through the %s adapter', (adapter) => {
  it('is answered with 202, and the run goes on behind the answer for all who follow', async () => {
    const seen: unknown[] = [];
    let answered = () => {};
    const isAnswered = new Promise<void>((resolve) => {
      answered = resolve;
    });
    const served = await serve({
      adapter,
      routes: {
        onResume: async (job, { action, resolution, resumeContext, record }, request) => {
          const { headers } = request as { headers: Headers | Record<string, string> };
          seen.push({
            session: headers instanceof Headers ? headers.get('x-session') : headers['x-session'],
            attempts: [job.attempt, record.attempt],
            ...{ arguments: action?.requests[0]?.arguments, resumeContext },
            ...{ by: resolution?.by, decisions: resolution?.decisions },
          });
          await isAnswered;
          void job.emit({ event: 'text', data: 'sent' });
          return { text: 'The mail is sent.' };
        },
      },
    });
    const { approval, action } = await ask(served, { resumeContext: { step: 7 } });
    const reader = await follow(`${served.url}/stream/chat-1`);
    const answer = await decide(served, { ...approval, payloadDigest: action.payloadDigest });
    expect(answer).toEqual({
      status: 202,
      body: { resumed: true, streamId: 'chat-1', actionId: action.actionId },
    });
    answered();
    await reader.over;
    expect(namesOf(reader)).toEqual(['created', 'requires_action', 'resumed', 'text', 'completed']);
    expect(dataOf(reader, 'resumed')).toEqual([
      {
        ...{ actionId: action.actionId, type: 'tool_approval', attempt: 2 },
        ...{ by: 'ann', decisions: [APPROVE], answers: [] },
      },
    ]);
    expect(dataOf(reader, 'completed')).toEqual([{ final: { text: 'The mail is sent.' } }]);
    expect(seen).toEqual([
      {
        ...{ session: 'ann', attempts: [2, 2], arguments: { to: 'bob' }, resumeContext: { step: 7 } },
        ...{ by: 'ann', decisions: [APPROVE] },
      },
    ]);
  });

  it('whose onResume throws, at once or later, fails the job as a producer’s throw does', async () => {
    for (const onResume of [
      () => {
        throw new Error(CANARY);
      },
      async () => {
        throw new Error(CANARY);
      },
    ]) {
      const served = await serve({ adapter, routes: { onResume } });
      const { approval } = await ask(served);
      const reader = await follow(`${served.url}/stream/chat-1`);
      expect((await decide(served, approval)).status).toBe(202);
      await reader.over;
      expect(dataOf(reader, 'failed')).toMatchObject([{ code: 'producer_failed', retryable: true }]);
      expect(JSON.stringify(reader.events)).not.toContain(CANARY);
    }
  });

  it('may lead to the next question, five times over, and each is answered under its own id (L44)', async () => {
    let asked = 1;
    const served = await serve({
      adapter,
      routes: {
        onResume: async (job) => {
          if (asked < 5) await job.pause({ type: 'ask', actionId: `q${++asked}` });
        },
      },
    });
    const { approval } = await ask(served, { type: 'ask', actionId: 'q1', requests: [] });
    const reader = await follow(`${served.url}/stream/chat-1`);
    for (const actionId of ['q1', 'q2', 'q3', 'q4', 'q5']) {
      await until(
        actionId,
        async () => (await served.manager.approvals.peek('chat-1'))?.actionId === actionId,
      );
      expect((await decide(served, { ...approval, actionId, decisions: [] })).status).toBe(202);
    }
    await reader.over;
    expect(dataOf(reader, 'resumed').map(({ actionId, attempt }) => [actionId, attempt])).toEqual([
      ['q1', 2],
      ['q2', 3],
      ['q3', 4],
      ['q4', 5],
      ['q5', 6],
    ]);
    expect(namesOf(reader).at(-1)).toBe('completed');
  });

  it('is shown by status and sync while it is awaited, and no longer once it is made', async () => {
    let goOn = () => {};
    const isToGoOn = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const served = await serve({ adapter, routes: { onResume: () => isToGoOn } });
    const { action, approval } = await ask(served, { payload: { subject: 'Hello' } });
    const pendingOf = async () => {
      const { body } = await getJson(`${served.url}/status/chat-1`);
      const reader = await follow(`${served.url}/stream/chat-1?resume=true`);
      await until('sync', () => reader.events.length > 0);
      reader.leave();
      const [sync] = dataOf(reader, 'sync');
      const state = body as { pendingAction: unknown; status: string; active: boolean };
      expect(sync.pendingAction).toEqual(state.pendingAction);
      return [state.status, state.active, state.pendingAction];
    };
    expect(await pendingOf()).toEqual(['requires_action', true, action]);
    expect(action).toMatchObject({
      ...{ actionId: approval.actionId, type: 'tool_approval', payload: { subject: 'Hello' }, questions: [] },
      requests: [{ id: 'call-1', allowedDecisions: ['approve', 'reject'], arguments: { to: 'bob' } }],
    });
    expect((await decide(served, approval)).status).toBe(202);
    expect(await pendingOf()).toEqual(['running', true, null]);
    goOn();
  });

  it('of two at once is made once; the other gets 409 and is told what was decided (L38)', async () => {
    let runs = 0;
    const served = await serve({ adapter, routes: { onResume: () => runs++ } });
    for (let round = 0; round < 25; round++) {
      const { approval } = await ask(served, {}, { streamId: `chat-${round}` });
      const answers = await Promise.all(
        [APPROVE, REJECT].map((decision) => decide(served, { ...approval, decisions: [decision] })),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
      const made = answers[0]?.status === 202 ? APPROVE : REJECT;
      const loser = answers.find(({ status }) => status === 409) ?? { body: null };
      expect(codeOf(loser)).toBe('action_decided');
      expect(outcomeOf(loser)).toEqual({
        ...{ actionId: approval.actionId, by: 'ann', at: expect.any(Number) },
        ...{ decisions: [made], answers: [] },
      });
    }
    expect(runs).toBe(25);
  });

  it('sent again under the same idempotency key gets 202 again, and the run goes on once (L38)', async () => {
    let runs = 0;
    const served = await serve({ adapter, routes: { onResume: () => runs++ } });
    const { approval } = await ask(served);
    const body = { ...approval, idempotencyKey: 'click-1' };
    const first = await decide(served, body);
    const atOnce = await Promise.all([decide(served, body), decide(served, body)]);
    await until('the end', async () => (await served.manager.getJob('chat-1'))?.status === 'completed');
    const afterwards = await decide(served, body);
    expect([first, ...atOnce, afterwards]).toEqual(Array(4).fill({ status: 202, body: first.body }));
    expect(runs).toBe(1);
    const other = await decide(served, { ...approval, idempotencyKey: 'click-2' });
    expect([other.status, codeOf(other)]).toEqual([409, 'action_decided']);
  });

  it('other than the one that was made is not taken for it, though it names the same idempotency key', async () => {
    const served = await serve({ adapter, routes: { onResume: () => {} } });
    const { approval } = await ask(served);
    expect((await decide(served, { ...approval, idempotencyKey: 'click' })).status).toBe(202);
    const other = await decide(served, { ...approval, decisions: [REJECT], idempotencyKey: 'click' });
    expect([other.status, codeOf(other)]).toEqual([409, 'action_decided']);
    expect(outcomeOf(other)).toMatchObject({ decisions: [APPROVE] });
  });

  it('whose answer the store kept back is made once when it is asked again (L38)', async () => {
    let lost = 0;
    const services = createStreamServices();
    const store = wrapStore(services.jobStore, async ({ method, args }, perform) => {
      const answer = await perform();
      const isDecision = method === 'commit' && (args[0] as { name?: string }).name === 'resolve';
      if (!isDecision || lost < 0) return answer;
      lost++;
      throw new GenerationJobError('unavailable', 'No answer.');
    });
    let runs = 0;
    const served = await serve({
      adapter,
      services: { ...services, jobStore: store },
      manager: { options: { leaseMs: 2_000, renewMs: 500, retryMs: 400 } },
      routes: { onResume: () => runs++ },
    });
    const { approval } = await ask(served);
    const unsure = await decide(served, approval);
    expect([unsure.status, codeOf(unsure), runs]).toEqual([503, 'unavailable', 0]);
    expect(lost).toBeGreaterThan(0);
    lost = Number.NEGATIVE_INFINITY;
    const foreign = { actionId: approval.actionId, decisions: [APPROVE], by: 'ann', userId: 'bob' };
    await expect(served.manager.approvals.resolve('chat-1', foreign)).rejects.toThrow('no such stream');
    expect((await decide(served, approval)).status).toBe(202);
    await until('the end', async () => (await served.manager.getJob('chat-1'))?.status === 'completed');
    expect(runs).toBe(1);
    expect(await served.manager.approvals.history('chat-1')).toHaveLength(1);
  });

  it('is 202 too when the generation was stopped between the decision and its answer', async () => {
    const held = heldDecision();
    let runs = 0;
    const served = await serve({ adapter, services: held.services, routes: { onResume: () => runs++ } });
    const { approval } = await ask(served);
    const answer = decide(served, approval);
    await held.isMade;
    expect((await postJson(`${served.url}/abort`, { streamId: 'chat-1' })).status).toBe(200);
    held.answer();
    expect((await answer).status).toBe(202);
    const reader = await follow(`${served.url}/stream/chat-1`);
    await reader.over;
    expect([namesOf(reader).slice(2), runs]).toEqual([['resumed', 'aborted'], 0]);
  });

  it('carries edits, texts and answers exactly as they were typed, odd ones too (P10)', async () => {
    const seen: unknown[] = [];
    const served = await serve({
      adapter,
      routes: { onResume: (_job, { resolution }) => void seen.push(resolution) },
    });
    const odd = JSON.parse(
      '{"__proto__":{"polluted":true},"constructor":1,"to":"\\ud800 \\u2028 é","n":1e21}',
    );
    const decisions = [
      { id: 'a', decision: 'edit', arguments: odd },
      { id: 'b', decision: 'respond', text: 'line\r\n\r\ndata: x\ud800' },
    ];
    const answers = [{ id: 'q', text: '\udfff\0', selected: ['x', 'y'] }];
    const { approval } = await ask(served, {
      type: 'mixed',
      requests: [
        { id: 'a', name: 't', allowedDecisions: ['edit'] },
        { id: 'b', name: 't', allowedDecisions: ['respond'] },
      ],
      questions: [
        { id: 'q', question: 'Which?', multiSelect: true, options: [{ label: 'x' }, { label: 'y' }] },
      ],
    });
    const reader = await follow(`${served.url}/stream/chat-1`);
    const { streamId, actionId } = approval;
    const answer = await decide(served, { streamId, actionId, decisions: decisions.toReversed(), answers });
    expect(answer.status).toBe(202);
    await reader.over;
    expect(namesOf(reader)).toEqual(['created', 'requires_action', 'resumed', 'completed']);
    const [resumed] = dataOf(reader, 'resumed');
    for (const told of [resumed, seen[0]]) {
      expect(JSON.stringify([told.decisions, told.answers])).toBe(JSON.stringify([decisions, answers]));
    }
    expect({}).not.toHaveProperty('polluted');
  });
});

describe.each(ADAPTERS)('the %s adapter', (adapter) => {
  it('has no such route without onResume: the path is left to others', async () => {
    const served = await serve({
      adapter,
      after: (app) => app.post('/api/chat/resume', (_request, response) => void response.sendStatus(418)),
    });
    const { approval } = await ask(served);
    const response = await fetch(`${served.url}/resume`, {
      method: 'POST',
      headers: { 'x-session': 'ann', 'content-type': 'application/json' },
      body: JSON.stringify(approval),
    });
    expect(response.status).toBe(adapter === 'web' ? 404 : 418);
    await response.text();
    expect((await served.manager.getJob('chat-1'))?.status).toBe('requires_action');
  });

  it('passes the host’s own request to beforeResolve, which may refuse or give the fingerprint (L40)', async () => {
    const judged: unknown[] = [];
    const served = await serve({
      adapter,
      manager: {
        hooks: {
          beforeResolve: async ({ context, by, decisions, action, record }) => {
            const { headers } = context as { headers: Headers | Record<string, string> };
            const role = headers instanceof Headers ? headers.get('x-role') : headers['x-role'];
            judged.push([by, decisions, action.resumeContext, record.status]);
            if (role === 'broken') throw new Error(CANARY);
            return role === 'admin' && { fingerprint: 'model-1' };
          },
        },
      },
      routes: { onResume: () => {} },
    });
    const { approval } = await ask(served, { fingerprint: 'model-1', resumeContext: 'kept' });
    for (const headers of [{}, { 'x-role': 'guest' }, { 'x-role': 'broken' }] as Record<string, string>[]) {
      const refused = await decide(served, approval, headers);
      expect([refused.status, codeOf(refused)]).toEqual([403, 'action_refused']);
      expect(JSON.stringify(refused)).not.toContain(CANARY);
    }
    expect((await served.manager.getJob('chat-1'))?.status).toBe('requires_action');
    expect((await decide(served, approval, { 'x-role': 'admin' })).status).toBe(202);
    expect(judged).toEqual(Array(4).fill(['ann', [APPROVE], 'kept', 'requires_action']));
  });

  it('waits with its close for the last word of a run that went on', async () => {
    const said: string[] = [];
    const served = await serve({
      adapter,
      routes: {
        onResume: async ({ signal }) => {
          said.push('begun');
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          await new Promise((resolve) => setTimeout(resolve, 20)); // it has to tidy up
          said.push('tidied up');
        },
      },
    });
    const { approval } = await ask(served);
    expect((await decide(served, approval)).status).toBe(202);
    await until('the run', () => said.length > 0);
    await served.manager.close();
    expect(said).toEqual(['begun', 'tidied up']);
  });
});

describe.each(ADAPTERS)('a decision at a replica that drains, through the %s adapter', (adapter) => {
  it('is refused with 503 and can be made at another one', async () => {
    const services = createStreamServices();
    const routes = { onResume: () => {} };
    const here = await serve({ adapter, services, routes });
    const there = await serve({ adapter, services, routes });
    const { approval } = await ask(here);
    await here.manager.drain({ graceMs: 0 });
    const refused = await decide(here, approval);
    expect([refused.status, codeOf(refused)]).toEqual([503, 'draining']);
    expect((await there.manager.getJob('chat-1'))?.status).toBe('requires_action');
    expect((await decide(there, approval)).status).toBe(202);
  });

  it('is refused as well when the drain begins while the host judges', async () => {
    const services = createStreamServices();
    let judged = (_isAllowed: boolean) => {};
    let runs = 0;
    const beforeResolve = () =>
      new Promise<boolean>((resolve) => {
        judged = resolve;
      });
    const here = await serve({
      adapter,
      services,
      manager: { hooks: { beforeResolve: () => beforeResolve() } },
      routes: { onResume: () => runs++ },
    });
    const { approval } = await ask(here);
    const before = judged;
    const answer = decide(here, approval);
    await until('the host to judge', () => judged !== before);
    await here.manager.drain({ graceMs: 0 });
    judged(true);
    expect(codeOf(await answer)).toBe('draining');
    expect([(await here.manager.getJob('chat-1'))?.status, runs]).toEqual(['requires_action', 0]);
  });

  it.each([false, true])(
    'that was made as the drain went by leaves no job behind there (another can recover it: %s)',
    async (isShared) => {
      const held = heldDecision(isShared);
      const runs: string[] = [];
      const input = (name: string) => ({
        adapter,
        services: held.services,
        manager: {
          options: { sweepMs: 20, leaseMs: 600_000 }, // who took over did not wait for the lease
          ...(isShared && { hooks: { recover: () => void runs.push(`recovered ${name}`) } }),
        },
        routes: { onResume: () => void runs.push(name) },
      });
      const here = await serve(input('here'));
      const there = await serve(input('there'));
      const { approval } = await ask(here);
      await there.manager.start();
      const reader = await follow(`${there.url}/stream/chat-1`);
      const answer = decide(here, { ...approval, idempotencyKey: 'k' });
      await held.isMade;
      await here.manager.drain({ graceMs: 0 });
      held.answer();
      // The decision stands: to say anything else would have it made again.
      expect((await answer).status).toBe(202);
      expect((await here.manager.stats()).process.producing).toBe(0);
      await reader.over;
      if (isShared) {
        expect([namesOf(reader).slice(2), runs]).toEqual([
          ['resumed', 'recovered', 'completed'],
          ['recovered there'],
        ]);
      } else {
        expect([namesOf(reader).slice(2), runs]).toEqual([['resumed', 'failed'], []]);
        expect(dataOf(reader, 'failed')).toMatchObject([{ code: 'interrupted' }]);
      }
      expect((await decide(there, { ...approval, idempotencyKey: 'k' })).status).toBe(202);
    },
  );
});

/** Services whose store makes a decision, and keeps the answer back until it is told to give it. */
function heldDecision(isShared = false) {
  const { jobStore, ...rest } = createStreamServices();
  let made = () => {};
  let answer = () => {};
  const isMade = new Promise<void>((resolve) => {
    made = resolve;
  });
  const isToAnswer = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const store = wrapStore(jobStore, async ({ method, args }, perform) => {
    const reply = await perform();
    if (method !== 'commit' || (args[0] as { name?: string }).name !== 'resolve') return reply;
    made();
    await isToAnswer;
    return reply;
  });
  const services: StreamServices = { ...rest, jobStore: { ...store, shared: isShared } };
  return { services, isMade, answer: () => answer() };
}
