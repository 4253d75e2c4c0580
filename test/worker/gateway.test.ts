/** The gateway over HTTP: who may act for a run, what is taken, and what a worker is told when it is not. */

import { createStreamServices } from 'generation-jobs';
import { createMetrics } from 'generation-jobs/metrics';
import { FakeClock } from 'generation-jobs/testing';
import { issueRunToken, workerLost } from 'generation-jobs/worker/gateway';
import { SignJWT } from 'jose';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { follow } from '../http/serving.js';
import { eventsOf, handedOver, KEYS, post, startGateway, startJob, until } from './gateway.js';

const text = (delta: string) => ({ event: 'text', data: { delta } });
const codeOf = ({ body }: { body: { error?: { code?: string } } | null }) => body?.error?.code;

describe.each(['express', 'web'] as const)('the gateway behind %s', (adapter) => {
  it('takes numbered batches to the end of a run, and followers get them as those of any producer', async () => {
    const gateway = await startGateway({ adapter });
    const { job, token, sequence } = await handedOver(gateway);
    expect(job.reason).toBe('handed_over');
    const following = eventsOf(gateway.manager);
    const first = await post(gateway, 'events', token, { after: sequence, events: [text('a'), text('b')] });
    expect(first).toMatchObject({ status: 200, body: { sequence: sequence + 2 } });
    expect(first.body.leaseUntil).toBeGreaterThan(Date.now() + 60_000);
    const end = {
      after: sequence + 2,
      events: [text('c')],
      end: { name: 'complete', callId: 'c', final: { text: 'abc' } },
    };
    expect(await post(gateway, 'events', token, end)).toMatchObject({
      status: 200,
      body: { sequence: sequence + 4, status: 'completed' },
    });
    const events = await following;
    expect(events.map(({ event, sequence: at }) => [event, at])).toEqual([
      ['created', 1],
      ['text', 2],
      ['text', 3],
      ['text', 4],
      ['completed', 5],
    ]);
    expect(events.at(-1)?.data).toEqual({ final: { text: 'abc' } });
  });

  it('acknowledges what is repeated, an end among it, and says what is expected after a gap', async () => {
    const gateway = await startGateway({ adapter });
    const { token } = await handedOver(gateway);
    const batch = { after: 1, events: [text('a'), text('b')] };
    for (const _ of [1, 2])
      expect(await post(gateway, 'events', token, batch)).toMatchObject({ body: { sequence: 3 } });
    const ahead = await post(gateway, 'events', token, { after: 7, events: [text('x')] });
    expect(ahead).toMatchObject({ status: 409, body: { error: { code: 'gap', expected: 4 } } });
    const across = await post(gateway, 'events', token, { after: 2, events: [text('b'), text('c')] });
    expect(across).toMatchObject({ status: 409, body: { error: { code: 'gap', expected: 4 } } });
    const end = {
      after: 3,
      end: { name: 'fail', callId: 'c', error: { code: 'mine', message: 'm', retryable: false } },
    };
    for (const _ of [1, 2])
      expect(await post(gateway, 'events', token, end)).toMatchObject({
        status: 200,
        body: { sequence: 4, status: 'failed' },
      });
    const late = await post(gateway, 'events', token, { after: 4, events: [text('late')] });
    expect(late).toMatchObject({
      status: 409,
      body: { error: { code: 'generation_ended', reason: 'failed' } },
    });
    expect((await eventsOf(gateway.manager)).map(({ event }) => event)).toEqual([
      'created',
      'text',
      'text',
      'failed',
    ]);
  });

  it('takes the change that comes with repeated events, once, whatever has been sent since', async () => {
    const gateway = await startGateway({ adapter });
    const { token } = await handedOver(gateway);
    const usageOf = async () => (await gateway.manager.getJob('s'))?.usage;
    const batch = { after: 1, events: [text('a'), text('b')] };
    await post(gateway, 'events', token, batch);
    // The answer was lost, and a change has come after it: the two are one batch now.
    const both = { ...batch, change: { number: 1, usage: { out: 2 } } };
    for (const _ of [1, 2]) {
      expect(await post(gateway, 'events', token, both)).toMatchObject({
        status: 200,
        body: { sequence: 3 },
      });
      expect(await usageOf()).toEqual({ out: 2 });
    }
    const newer = { after: 3, events: [text('c')], change: { number: 2, usage: { out: 3 } } };
    await post(gateway, 'events', token, newer);
    // One that was long on its way sets nothing back.
    expect(await post(gateway, 'events', token, both)).toMatchObject({ status: 200, body: { sequence: 4 } });
    expect(await usageOf()).toEqual({ out: 3 });
  });
});

describe('a token', () => {
  it('is refused with a code of its own when it is none, expired, of another audience or key', async () => {
    const gateway = await startGateway();
    const { token, generation } = await handedOver(gateway);
    const body = { after: 1, events: [text('a')] };
    const sign = (secret: string, audience: string, expiresAt: number) =>
      new SignJWT({ stream: 's', generation, attempt: 1, agent: 'writer', lease: 120_000 })
        .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
        .setSubject('ann')
        .setAudience(audience)
        .setExpirationTime(expiresAt)
        .sign(Buffer.from(secret));
    const now = Math.floor(Date.now() / 1000);
    const own = 'x'.repeat(32);
    const refused = [
      [undefined, 'token_invalid'],
      ['nonsense', 'token_invalid'],
      [`${token}x`, 'token_invalid'],
      [await sign('y'.repeat(32), 'generation-jobs/worker', now + 60), 'token_invalid'],
      [await sign(own, 'another', now + 60), 'token_invalid'],
      [await sign(own, 'generation-jobs/worker', now - 60), 'token_expired'],
    ] as const;
    for (const [given, code] of refused) {
      const answer = await post(gateway, 'events', given, body);
      expect([answer.status, codeOf(answer)]).toEqual([401, code]);
    }
    expect(gateway.logged.length).toBe(refused.length);
    for (const [given = 'none'] of refused) expect(gateway.logged.join()).not.toContain(given);
    expect(
      await post(gateway, 'events', await sign(own, 'generation-jobs/worker', now + 60), body),
    ).toMatchObject({ status: 200 });
  });

  it('speaks for its own run only: a body that names another is refused, one that names its own is not', async () => {
    const gateway = await startGateway();
    const { token, generation } = await handedOver(gateway);
    for (const other of [
      { streamId: 'other' },
      { generation: 1 },
      { attempt: 2 },
      { userId: 'bob' },
      { tenantId: 't' },
    ]) {
      const answer = await post(gateway, 'events', token, { after: 1, events: [text('a')], ...other });
      expect([answer.status, codeOf(answer)], JSON.stringify(other)).toEqual([403, 'token_of_another_run']);
    }
    const own = { streamId: 's', generation, attempt: 1, userId: 'ann' };
    expect(await post(gateway, 'events', token, { after: 1, events: [text('a')], ...own })).toMatchObject({
      status: 200,
    });
  });

  it('of one run can’t write to another, and of a replaced one not at all', async () => {
    const gateway = await startGateway();
    const first = await handedOver(gateway, {}, 's');
    await handedOver(gateway, {}, 'other');
    const replaced = await gateway.manager.createJob({ streamId: 's', userId: 'ann', onConflict: 'replace' });
    const answer = await post(gateway, 'events', first.token, { after: 1, events: [text('a')] });
    expect(answer).toMatchObject({
      status: 409,
      body: { error: { code: 'generation_ended', reason: 'replaced' } },
    });
    if (replaced.started) await replaced.job.complete();
    expect((await gateway.manager.getJob('other'))?.lastSequence).toBe(1);
  });

  it('is renewed while its attempt lasts, shortly after it has expired too, and no longer', async () => {
    const clock = new FakeClock();
    const services = createStreamServices({ clock });
    const gateway = await startGateway({
      services,
      manager: { clock },
      routes: { tokenMs: 60_000, tokenGraceMs: 30_000 },
    });
    const { token } = await handedOver(gateway, { expiresInMs: 60_000, workerLeaseMs: 3_600_000 });
    await clock.advance(80_000);
    const body = { after: 1, events: [text('a')] };
    expect(codeOf(await post(gateway, 'events', token, body))).toBe('token_expired');
    const renewed = await post(gateway, 'token', token, {});
    expect(renewed).toMatchObject({ status: 200, body: { attempt: 1, sequence: 1 } });
    expect(await post(gateway, 'events', renewed.body.token, body)).toMatchObject({ status: 200 });
    await clock.advance(20_000);
    expect(codeOf(await post(gateway, 'token', token, {}))).toBe('token_expired');
    await gateway.manager.abortJob('s');
    const over = await post(gateway, 'token', renewed.body.token, {});
    expect(over).toMatchObject({
      status: 409,
      body: { error: { code: 'generation_ended', reason: 'aborted' } },
    });
  });

  it('is verified by any key of its list, so that keys can be rotated', async () => {
    const old = { id: 'old', secret: 'o'.repeat(40) };
    const gateway = await startGateway({ routes: { keys: [{ id: 'new', secret: 'n'.repeat(40) }, old] } });
    const { token } = await handedOver(gateway, { keys: [old] });
    const renewed = await post(gateway, 'token', token, {});
    expect(JSON.parse(Buffer.from(renewed.body.token.split('.')[0], 'base64url').toString())).toMatchObject({
      kid: 'new',
    });
    expect(await post(gateway, 'heartbeat', renewed.body.token, {})).toMatchObject({ status: 200 });
  });
});

describe('handing over', () => {
  it('ends the handle and not the generation; nobody renews the lease beside the worker, and a lapsed one is lost by name', async () => {
    const clock = new FakeClock();
    const services = createStreamServices({ clock });
    const gateway = await startGateway({ services, manager: { clock } });
    const job = await startJob(gateway.manager);
    await job.emit(text('before'));
    const { sequence, token } = await issueRunToken(job, {
      keys: KEYS,
      agentId: 'writer',
      workerLeaseMs: 60_000,
    });
    expect(sequence).toBe(2);
    expect(() => job.emit(text('after'))).toThrow(/handed_over/);
    const record = await gateway.manager.getJob('s');
    expect(record).toMatchObject({ status: 'running', leaseMs: 60_000, replicaId: 'worker/writer' });
    expect((await gateway.manager.stats()).process.producing).toBe(0);
    await clock.advance(50_000);
    expect(await post(gateway, 'heartbeat', token, {})).toMatchObject({ status: 200 });
    await clock.advance(50_000);
    expect((await gateway.manager.getJob('s'))?.status).toBe('running');
    await clock.advance(15_000);
    expect(await gateway.manager.getJob('s')).toMatchObject({
      status: 'failed',
      error: { code: 'producer_lost' },
    });
    const late = await post(gateway, 'events', token, { after: 2, events: [text('late')] });
    expect(late).toMatchObject({
      status: 409,
      body: { error: { code: 'generation_ended', reason: 'lease_lost', failure: { code: 'producer_lost' } } },
    });
  });

  it('what is accepted renews the lease, a repeat too; what follows within a second is the same sign of life', async () => {
    const clock = new FakeClock();
    const services = createStreamServices({ clock });
    const gateway = await startGateway({ services, manager: { clock } });
    const { token } = await handedOver(gateway, { workerLeaseMs: 60_000 });
    const leaseOf = async () => (await gateway.manager.getJob('s'))?.leaseUntil;
    for (let after = 1; after < 6; after++) {
      const batch = { after, events: [text('a')] };
      const lease = clock.now() + 60_000;
      expect((await post(gateway, 'events', token, batch)).body.leaseUntil).toBe(lease);
      expect(await leaseOf()).toBe(lease);
      await clock.advance(900);
      const again = await post(gateway, 'events', token, batch);
      expect(again).toMatchObject({ status: 200, body: { leaseUntil: lease } });
      expect(await leaseOf()).toBe(lease);
      await clock.advance(40_000);
      const late = await post(gateway, 'events', token, batch);
      expect(late.body.leaseUntil).toBe(clock.now() + 60_000);
      expect(await leaseOf()).toBe(late.body.leaseUntil);
      await clock.advance(2_000);
    }
  });

  it('a worker that goes on for ever is ended by the gateway when its time has long been over', async () => {
    const clock = new FakeClock();
    const services = createStreamServices({ clock });
    const options = { maxRunMs: 600_000, idleTimeoutMs: 300_000 };
    const gateway = await startGateway({ services, manager: { clock, options } });
    for (const [streamId, path] of [
      ['one', 'heartbeat'],
      ['two', 'events'],
    ] as const) {
      const { token } = await handedOver(
        gateway,
        { workerLeaseMs: 60_000, expiresInMs: 3_600_000 },
        streamId,
      );
      const send = (after: number) =>
        post(gateway, path, token, path === 'events' ? { after, events: [text('a')] } : {});
      for (let after = 1; after <= 16; after++) {
        await clock.advance(40_000);
        expect(await send(after), `${streamId} ${after}`).toMatchObject({ status: 200 });
      }
      await clock.advance(40_000);
      expect(await send(17)).toMatchObject({
        status: 409,
        body: { error: { code: 'generation_ended', failure: { code: 'timeout' } } },
      });
      expect((await eventsOf(gateway.manager, streamId)).at(-1)).toMatchObject({ event: 'failed' });
    }
  });

  it('to a worker that is known to be dead ends at once, without waiting for the lease', async () => {
    const gateway = await startGateway();
    const { job: _, ...run } = await handedOver(gateway, { workerLeaseMs: 3_600_000 });
    const { streamId, generation, attempt } = run;
    expect(await workerLost(gateway.manager, { streamId, generation, attempt: 2 })).toBe(false);
    expect(await workerLost(gateway.manager, run), 'the run as it was issued').toBe(true);
    expect(await gateway.manager.getJob('s')).toMatchObject({
      status: 'failed',
      error: { code: 'producer_lost' },
    });
    expect(await workerLost(gateway.manager, { streamId, generation, attempt })).toBe(false);
    const local = await startJob(gateway.manager, 'local');
    const own = { streamId: 'local', generation: local.generation, attempt: 1 };
    expect(await workerLost(gateway.manager, own), 'a job of this process').toBe(false);
    await local.complete();
  });

  it('of what is over, or with keys that can’t sign, is refused and changes nothing', async () => {
    const gateway = await startGateway();
    const job = await startJob(gateway.manager);
    await expect(
      issueRunToken(job, { keys: [{ id: 'k', secret: 'short' }], agentId: 'a' }),
    ).rejects.toMatchObject({ code: 'invalid_options' });
    await expect(issueRunToken({} as typeof job, { keys: KEYS, agentId: 'a' })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
    expect(job.isOver).toBe(false);
    await job.complete();
    await expect(issueRunToken(job, { keys: KEYS, agentId: 'a' })).rejects.toMatchObject({
      code: 'job_ended',
    });
  });
});

describe('what follows', () => {
  it('an end is settled, with the usage and metadata of the same numbering', async () => {
    const settled: unknown[] = [];
    const gateway = await startGateway({
      manager: { hooks: { settle: ({ record }) => void settled.push(record) } },
    });
    const { token } = await handedOver(gateway);
    const change = {
      number: 1,
      usage: { input: 3 },
      usageEntries: [{ kind: 'model', calls: 1, usage: { input: 3 } }],
      metadata: { title: 'T', odd: { unknown: [1] } },
    };
    expect(await post(gateway, 'usage', token, { after: 1, change })).toMatchObject({
      body: { sequence: 1 },
    });
    expect(await post(gateway, 'usage', token, { after: 1, change }), 'repeated').toMatchObject({
      body: { sequence: 1 },
    });
    await post(gateway, 'events', token, { after: 1, end: { name: 'complete', callId: 'c' } });
    await until('it is settled', () => settled.length > 0);
    expect(settled).toMatchObject([{ status: 'completed', usage: { input: 3 }, metadata: change.metadata }]);
  });

  it('a stop by others: the worker writes its books and leaves, and only then is the generation settled', async () => {
    const settled: unknown[] = [];
    const gateway = await startGateway({
      manager: {
        options: { leaveMs: 60_000, predecessorMs: 90_000 },
        hooks: { settle: ({ record }) => void settled.push(record) },
      },
    });
    const { token } = await handedOver(gateway);
    await post(gateway, 'events', token, { after: 1, events: [text('a')] });
    await gateway.manager.abortJob('s');
    expect(settled).toEqual([]);
    const books = { change: { number: 1, usage: { input: 5 } }, leaves: true };
    expect(await post(gateway, 'usage', token, books)).toMatchObject({
      status: 200,
      body: { status: 'aborted' },
    });
    await until('it is settled', () => settled.length > 0);
    expect(settled).toMatchObject([{ usage: { input: 5 }, producerLeft: true }]);
  });

  it('a pause: the host is asked, and the decision’s attempt is for the worker that waits once it is handed over', async () => {
    const paused: string[] = [];
    const gateway = await startGateway({
      manager: { hooks: { onPaused: ({ action }) => void paused.push(action.actionId) } },
    });
    const { token } = await handedOver(gateway);
    const pause = {
      callId: 'p',
      action: { actionId: 'a1', type: 'ask_user_question', questions: [{ id: 'q', question: 'Which?' }] },
    };
    const body = { after: 1, events: [text('a')], pause };
    for (const _ of [1, 2])
      expect(await post(gateway, 'pause', token, body)).toMatchObject({
        status: 200,
        body: { sequence: 3, status: 'requires_action' },
      });
    await until('the host is told', () => paused.length > 0);
    expect(codeOf(await post(gateway, 'events', token, { after: 3, events: [text('b')] }))).toBe(
      'run_paused',
    );
    expect(await post(gateway, 'token', token, {}), 'for as long as it waits').toMatchObject({
      status: 200,
      body: { attempt: 1 },
    });
    const { job } = await gateway.manager.approvals.resolve('s', {
      actionId: 'a1',
      answers: [{ id: 'q', text: 'this' }],
      by: 'ann',
    });
    expect(codeOf(await post(gateway, 'token', token, {}))).toBe('not_handed_over');
    await issueRunToken(job, { keys: KEYS, agentId: 'writer', waiting: true, workerLeaseMs: 77_000 });
    const next = await post(gateway, 'token', token, {});
    expect(next).toMatchObject({ status: 200, body: { attempt: 2, sequence: 4 } });
    expect(
      codeOf(await post(gateway, 'events', token, { after: 4, events: [text('b')] })),
      'of the attempt before',
    ).toBe('fenced');
    const beat = await post(gateway, 'heartbeat', next.body.token, { describe: true });
    expect(beat.body.run).toMatchObject({
      sequence: 4,
      attempt: 2,
      leaseMs: 77_000,
      actions: ['a1'],
      decision: { answers: [{ id: 'q', text: 'this' }] },
    });
    expect(await post(gateway, 'events', next.body.token, { after: 4, events: [text('b')] })).toMatchObject({
      body: { sequence: 5 },
    });
  });

  it('an attempt that was handed to another worker is not given to the one that paused', async () => {
    const gateway = await startGateway();
    const { token } = await handedOver(gateway);
    const action = { actionId: 'a1', type: 'ask_user_question', questions: [{ id: 'q', question: '?' }] };
    await post(gateway, 'pause', token, { after: 1, pause: { callId: 'p', action } });
    const { job } = await gateway.manager.approvals.resolve('s', {
      actionId: 'a1',
      answers: [{ id: 'q', text: 'x' }],
      by: 'ann',
    });
    await issueRunToken(job, { keys: KEYS, agentId: 'writer' });
    expect(codeOf(await post(gateway, 'token', token, {}))).toBe('fenced');
  });

  it('a hook that died is told to the host, with whose it was', async () => {
    const told: unknown[] = [];
    const gateway = await startGateway({
      routes: { onHookFatal: (report, run) => void told.push([report, run.agentId]) },
    });
    const { token } = await handedOver(gateway);
    expect(
      await post(gateway, 'hook-fatal', token, { hook: 'pre', exitCode: 3, extra: { more: 1 } }),
    ).toMatchObject({ status: 200 });
    expect(told).toEqual([[{ hook: 'pre', exitCode: 3, extra: { more: 1 } }, 'writer']]);
  });
});

describe('limits', () => {
  it('events are held to the server’s: reserved names, size and depth are refused for good and change nothing', async () => {
    const gateway = await startGateway({
      manager: { options: { limits: { eventBytes: 200, jsonDepth: 8 } } },
    });
    const { token } = await handedOver(gateway);
    let deep: unknown = 1;
    for (let n = 0; n < 9; n++) deep = [deep];
    const refused = [
      [{ event: 'completed', data: {} }, 400, 'reserved_event'],
      [{ event: 'no good', data: {} }, 400, 'invalid_event'],
      [text('x'.repeat(300)), 413, 'event_too_large'],
      [{ event: 'deep', data: deep }, 400, 'json_too_deep'],
    ] as const;
    for (const [event, status, code] of refused) {
      const answer = await post(gateway, 'events', token, { after: 1, events: [text('a'), event] });
      expect([answer.status, codeOf(answer)]).toEqual([status, code]);
    }
    expect(await post(gateway, 'events', token, { after: 1, events: [text('a')] })).toMatchObject({
      status: 200,
    });
  });

  it('a generation that becomes too large ends by name', async () => {
    const gateway = await startGateway({
      manager: { options: { snapshotEvents: 2, limits: { generationEvents: 4, unsnapshottedEvents: 4 } } },
    });
    const { token } = await handedOver(gateway);
    await post(gateway, 'events', token, { after: 1, events: [text('a'), text('b')] });
    const over = await post(gateway, 'events', token, { after: 3, events: [text('c'), text('d')] });
    expect(over).toMatchObject({
      status: 409,
      body: { error: { code: 'generation_ended', reason: 'failed', failure: { code: 'limit_exceeded' } } },
    });
    expect((await eventsOf(gateway.manager)).map(({ event }) => event)).toEqual([
      'created',
      'text',
      'text',
      'failed',
    ]);
  });

  it('bodies and requests are bounded, and one run that floods is no other’s trouble', async () => {
    const gateway = await startGateway({ routes: { bodyBytes: 2048, requestsPerSecond: 1 } });
    const { token } = await handedOver(gateway, {}, 'one');
    const other = await handedOver(gateway, {}, 'two');
    const large = await post(gateway, 'events', token, { after: 1, events: [text('x'.repeat(4000))] });
    expect([large.status, codeOf(large)]).toEqual([413, 'body_too_large']);
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => post(gateway, 'heartbeat', token, {})),
    );
    const refused = answers.find(({ status }) => status === 429);
    expect(codeOf(refused as never)).toBe('too_many_requests');
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await post(gateway, 'heartbeat', other.token, {})).toMatchObject({ status: 200 });
  });
});

describe('the control stream', () => {
  it('tells the life of the run and nothing else, goes on from a cursor, and says that the replica drains', async () => {
    const gateway = await startGateway();
    const { token, generation } = await handedOver(gateway);
    const headers = { authorization: `Bearer ${token}` };
    const control = await follow(`${gateway.url}/control?after=${generation}-1`, headers);
    const action = { actionId: 'a1', type: 'ask_user_question', questions: [{ id: 'q', question: '?' }] };
    await post(gateway, 'pause', token, { after: 1, events: [text('a')], pause: { callId: 'p', action } });
    await until('the pause is told', () => control.events.length > 0);
    const decision = { actionId: 'a1', answers: [{ id: 'q', text: 'yes' }], by: 'ann' };
    const { job } = await gateway.manager.approvals.resolve('s', decision);
    await until('the decision is told', () => control.events.length > 1);
    expect(control.events.map(({ event, id }) => [event, id])).toEqual([
      ['requires_action', `${generation}-3`],
      ['resumed', `${generation}-4`],
    ]);
    const again = await follow(`${gateway.url}/control`, { ...headers, 'last-event-id': `${generation}-3` });
    await until('what was missed is told', () => again.events.length > 0);
    expect(JSON.parse(again.events[0]?.data ?? '')).toMatchObject({
      attempt: 2,
      answers: [{ id: 'q', text: 'yes' }],
    });
    await issueRunToken(job, { keys: KEYS, agentId: 'writer', waiting: true });
    await gateway.manager.drain({ graceMs: 0 });
    await control.over;
    expect(control.events.at(-1)).toMatchObject({ event: 'drain', data: '{}' });
    expect((await gateway.manager.getJob('s'))?.status, 'a worker’s run is not ended by a drain').toBe(
      'running',
    );
    const other = await fetch(`${gateway.url}/control?after=1-1`, { headers });
    expect(other.status).toBe(403);
  });
});

describe('the keys of tokens', () => {
  const secretOf = (bytes: number) => Buffer.alloc(bytes, 'k').toString('base64url');

  it('are those that are in the list now, also when it is changed in place', async () => {
    const jwk = (kid: string) => ({ kid, alg: 'HS256', kty: 'oct', k: secretOf(32) });
    const set = { keys: [jwk('old')] };
    const clock = new FakeClock();
    const gateway = await startGateway({
      services: createStreamServices({ clock }),
      manager: { clock },
      routes: { keys: set },
    });
    const { token } = await handedOver(gateway, { keys: set });
    expect(await post(gateway, 'heartbeat', token, {})).toMatchObject({ status: 200 });
    set.keys.splice(0, 1, jwk('new'));
    await clock.advance(1_000);
    expect(codeOf(await post(gateway, 'heartbeat', token, {}))).toBe('token_invalid');
  });

  it('are long enough, those of a set as well', async () => {
    const gateway = await startGateway();
    const job = await startJob(gateway.manager);
    const keys = { keys: [{ kid: 'k', alg: 'HS256', kty: 'oct', k: secretOf(16) }] };
    await expect(issueRunToken(job, { keys, agentId: 'writer' })).rejects.toMatchObject({
      code: 'invalid_options',
    });
    await job.complete();
  });
});

describe('what a gateway counts', () => {
  it('are batches, their events, and refusals by their codes, of which there are few', async () => {
    const registry = new Registry();
    const gateway = await startGateway({ manager: { observer: createMetrics({ registry }) } });
    const { token } = await handedOver(gateway);
    const batch = { after: 1, events: [text('a'), text('b')] };
    for (const _ of [1, 2]) await post(gateway, 'events', token, batch);
    await post(gateway, 'events', token, { after: 7, events: [text('x')] });
    await post(gateway, 'events', 'nonsense', batch);
    await post(gateway, 'events', token, '{');
    const counted = async (name: string) =>
      (await registry.getSingleMetric(`generation_jobs_${name}`)?.get())?.values ?? [];
    expect((await counted('worker_batches_total'))[0]?.value).toBe(2);
    expect((await counted('worker_events_total'))[0]?.value).toBe(4);
    const refused = (await counted('worker_refusals_total')).filter(({ value }) => value > 0);
    expect(refused.map(({ labels, value }) => [labels.code, value])).toEqual([
      ['gap', 1],
      ['token_invalid', 1],
      ['other', 1],
    ]);
  });
});

describe('any replica', () => {
  it('takes any batch: two gateways on one store take turns, and snapshots and limits go on', async () => {
    const services = createStreamServices();
    const options = { snapshotEvents: 3 };
    const one = await startGateway({ services, manager: { options } });
    const two = await startGateway({ services, manager: { options } });
    const { token } = await handedOver(one);
    for (let after = 1; after < 41; after += 2) {
      const gateway = after % 4 === 1 ? one : two;
      const answer = await post(gateway, 'events', token, {
        after,
        events: [text('a'), { event: 'k', data: after, keep: 'k' }],
      });
      expect(answer).toMatchObject({ status: 200, body: { sequence: after + 2 } });
    }
    await until(
      'a snapshot was saved',
      async () => ((await two.manager.getJob('s'))?.snapshotSequence ?? 0) > 10,
    );
    await post(two, 'events', token, { after: 41, end: { name: 'complete', callId: 'c' } });
    expect(await eventsOf(one.manager)).toHaveLength(42);
  });
});
