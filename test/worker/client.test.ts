/** The worker's handle over a gateway: the same as a local one, and what it is told of its run. */
import {
  createStreamServices,
  type GenerationJob,
  JobEndedError,
  type PipeSource,
  type PipeStep,
} from 'generation-jobs';
import { anthropicContent, fromAnthropic } from 'generation-jobs/anthropic';
import { textContent } from 'generation-jobs/content';
import { FakeClock } from 'generation-jobs/testing';
import { createWorkerClient, type WorkerClient, type WorkerClientInput } from 'generation-jobs/worker';
import { issueRunToken } from 'generation-jobs/worker/gateway';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ANTHROPIC, recording } from '../providers/recordings.js';
import { afterTest, eventsOf, type Gateway, handedOver, KEYS, post, startGateway, until } from './gateway.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const text = (delta: string) => ({ event: 'text', data: { delta } });

async function connect(
  gateway: Gateway,
  token: WorkerClientInput['token'],
  input: Partial<WorkerClientInput> = {},
): Promise<WorkerClient> {
  const client = await createWorkerClient({ url: gateway.url, token, onError: () => {}, ...input });
  afterTest(() => client.close({ graceMs: 0 }));
  return client;
}

/** Writes so many words, as an agent would: its code knows nothing of a gateway. */
async function write(job: GenerationJob, words: number): Promise<{ text: string }> {
  for (let n = 0; n < words; n++) await job.emit(text(`${n} `));
  await job.addUsage({ kind: 'model', model: 'm', tokens: { out: words } });
  await job.update({ metadata: { words } });
  return { text: `${words} words` };
}

describe('a worker’s job', () => {
  it('is written to and ended as a local one is, and followers can’t tell them apart', async () => {
    const gateway = await startGateway({ manager: { contentModels: [textContent()] } });
    const made = await gateway.manager.createJob({
      streamId: 's',
      userId: 'ann',
      contentModel: 'text',
      metadata: { before: 1 },
    });
    if (!made.started) throw new Error('not started');
    await made.job.emit(text('before '));
    await made.job.addUsage({ tokens: { out: 1 } });
    const { token } = await issueRunToken(made.job, { keys: KEYS, agentId: 'writer' });
    const client = await connect(gateway, token);
    expect(client.job).toMatchObject({
      streamId: 's',
      userId: 'ann',
      attempt: 1,
      generation: made.record.generation,
    });
    const following = eventsOf(gateway.manager);
    const end = await client.job.run((job) => write(job, 2_000));
    expect(end).toEqual({ reason: 'completed' });
    const events = await following;
    const told = events
      .filter(({ event }) => event === 'text')
      .map(({ data }) => (data as { delta: string }).delta);
    expect(told).toEqual(['before ', ...Array.from({ length: 2_000 }, (_, n) => `${n} `)]);
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, at) => at + 1));
    expect(events.at(-1)).toMatchObject({ event: 'completed', data: { final: { text: '2000 words' } } });
    const record = await gateway.manager.getJob('s');
    expect(record).toMatchObject({
      status: 'completed',
      usage: { 'tokens.out': 2_001 },
      metadata: { before: 1, words: 2_000 },
    });
    expect(record?.usageEntries).toHaveLength(2);
    expect(client.pending).toBe(0);
  });

  it('pipes a provider’s stream as a local one does: events, what the call has used, and its failure by name', async () => {
    const gateway = await startGateway({ manager: { contentModels: [anthropicContent()] } });
    const pipe = async (streamId: string, source: PipeSource<PipeStep>) => {
      const input = { streamId, userId: 'ann', contentModel: 'anthropic-messages' };
      const made = await gateway.manager.createJob(input);
      if (!made.started) throw new Error('not started');
      const { token } = await issueRunToken(made.job, { keys: KEYS, agentId: 'writer' });
      const client = await connect(gateway, token);
      await client.job.run((job) => job.pipe(source));
      return gateway.manager.getResumeState(streamId);
    };
    const events = recording(ANTHROPIC[0] as string);
    const whole = await pipe('whole', fromAnthropic(events));
    expect(whole).toMatchObject({
      status: 'completed',
      content: { messages: [{ stop_reason: 'end_turn' }] },
    });
    expect(whole?.usageEntries).toMatchObject([{ kind: 'model', provider: 'anthropic', calls: 1 }]);
    const cut = await pipe('cut', fromAnthropic(events.slice(0, 9)));
    expect(cut).toMatchObject({ status: 'failed', end: { code: 'model_failed', retryable: true } });
    expect(cut?.usage).toMatchObject({ input_tokens: 2_037 });
  });

  it('fails with what its producer throws on purpose, and hides anything else', async () => {
    const gateway = await startGateway();
    const one = await connect(gateway, (await handedOver(gateway, {}, 'one')).token);
    const two = await connect(gateway, (await handedOver(gateway, {}, 'two')).token);
    await one.job.run(() =>
      Promise.reject(Object.assign(new Error('busy'), { code: 'busy', retryable: true })),
    );
    await two.job.run(() => Promise.reject(new Error('secret')));
    expect(await gateway.manager.getJob('one')).toMatchObject({
      status: 'failed',
      error: { code: 'busy', message: 'busy' },
    });
    expect(await gateway.manager.getJob('two')).toMatchObject({
      status: 'failed',
      error: { code: 'producer_failed' },
    });
  });

  it('is refused where the mistake is, by the gateway’s own limits', async () => {
    const gateway = await startGateway({ manager: { options: { limits: { eventBytes: 300 } } } });
    const client = await connect(gateway, (await handedOver(gateway)).token);
    expect(client.job.eventBytes).toBe(300);
    expect(() => client.job.emit(text('x'.repeat(400)))).toThrow(
      expect.objectContaining({ code: 'event_too_large' }),
    );
    expect(() => client.job.emit({ event: 'completed', data: {} })).toThrow(
      expect.objectContaining({ code: 'reserved_event' }),
    );
    expect(await client.job.run((job) => write(job, 3))).toEqual({ reason: 'completed' });
  });

  it('outlives an outage shorter than its lease: nothing is lost or repeated', async () => {
    const gateway = await startGateway();
    const client = await connect(gateway, (await handedOver(gateway)).token);
    await client.job.emit(text('a'));
    await client.job.flush();
    await gateway.stop();
    for (let n = 0; n < 300; n++) await client.job.emit(text(String(n)));
    await client.job.flush();
    expect(client.pending).toBeGreaterThan(0);
    await gateway.begin();
    await client.job.complete();
    const events = await eventsOf(gateway.manager);
    expect(events.filter(({ event }) => event === 'text')).toHaveLength(301);
  });
});

describe('a worker is told', () => {
  it('at once that somebody has stopped its run; its books are closed only when it has returned', async () => {
    const settled: unknown[] = [];
    const gateway = await startGateway({
      manager: {
        options: { leaveMs: 60_000, predecessorMs: 90_000 },
        hooks: { settle: ({ record }) => void settled.push(record) },
      },
    });
    const client = await connect(gateway, (await handedOver(gateway)).token);
    let hasBegun = false;
    const running = client.job.run(async (job) => {
      await job.emit(text('a'));
      hasBegun = true;
      await new Promise((resolve) => job.signal.addEventListener('abort', resolve, { once: true }));
      await job.addUsage({ out: 7 });
    });
    await until('it has begun', () => hasBegun);
    await gateway.manager.abortJob('s');
    expect(await running).toMatchObject({ reason: 'aborted' });
    await until('it is settled', () => settled.length > 0);
    expect(settled).toMatchObject([{ status: 'aborted', usage: { out: 7 }, producerLeft: true }]);
  });

  it('that its run was replaced or is gone', async () => {
    const gateway = await startGateway();
    const one = await connect(gateway, (await handedOver(gateway, {}, 'one')).token);
    const next = await gateway.manager.createJob({ streamId: 'one', userId: 'ann', onConflict: 'replace' });
    await until('it is told', () => one.job.isOver);
    expect(one.job.reason).toBe('replaced');
    if (next.started) await next.job.complete();
    const two = await connect(gateway, (await handedOver(gateway, {}, 'two')).token);
    await gateway.manager.deleteStream('two');
    await until('it is told', () => two.job.isOver);
    expect(two.job.reason).toBe('gone');
  });

  it('of the decision it has paused for, and goes on with the attempt that is handed over to it', async () => {
    const gateway = await startGateway();
    const client = await connect(gateway, (await handedOver(gateway)).token);
    const first = client.job;
    const end = await first.run(async (job) => {
      await job.emit(text('a'));
      await job.pause({
        actionId: 'a1',
        type: 'tool_approval',
        requests: [{ id: 'r', name: 'send' }],
        resumeContext: { at: 1 },
      });
    });
    expect(end).toEqual({ reason: 'paused' });
    const heard: unknown[] = [];
    const hearing = (async () => {
      for await (const news of client.questions.subscribe('s')) {
        heard.push(news);
        if (news.event === 'resumed') return;
      }
    })();
    const waiting = client.nextAttempt();
    const decisions = [{ id: 'r', decision: 'approve' as const }];
    const { job: decided } = await gateway.manager.approvals.resolve('s', {
      actionId: 'a1',
      decisions,
      by: 'bob',
    });
    await issueRunToken(decided, { keys: KEYS, agentId: 'writer', waiting: true });
    const { job, decision, continuation } = await waiting;
    await hearing;
    expect(heard[0]).toEqual({ event: 'sync', data: { status: 'requires_action' } });
    expect(continuation).toMatchObject({
      action: { actionId: 'a1', type: 'tool_approval' },
      resolution: { actionId: 'a1', decisions, by: 'bob' },
      sequence: 4,
    });
    expect(decision).toMatchObject({ actionId: 'a1', attempt: 2, by: 'bob', decisions });
    expect(job).not.toBe(first);
    expect(client.job).toBe(job);
    expect(job.attempt).toBe(2);
    await job.run((next) => write(next, 2));
    expect((await eventsOf(gateway.manager)).map(({ event }) => event)).toEqual([
      ...['created', 'text', 'requires_action', 'resumed', 'text', 'text', 'completed'],
    ]);
  });

  it('that nobody will decide: an expiry and an abort end the wait by name', async () => {
    const gateway = await startGateway({ manager: { options: { sweepMs: 50 } } });
    for (const [streamId, expected] of [
      ['one', 'expired'],
      ['two', 'aborted'],
    ] as const) {
      const client = await connect(gateway, (await handedOver(gateway, {}, streamId)).token);
      const expiresInMs = streamId === 'one' ? 50 : 60_000;
      await client.job.pause({
        type: 'ask_user_question',
        questions: [{ id: 'q', question: '?' }],
        expiresInMs,
      });
      const waiting = client.nextAttempt().catch((error: unknown) => error);
      if (streamId === 'two') await gateway.manager.abortJob(streamId);
      const error = await waiting;
      expect(error).toBeInstanceOf(JobEndedError);
      expect((error as JobEndedError).reason).toBe(expected);
    }
  });
});

describe('a pause', () => {
  it('that the host’s schema refuses is refused at the worker by its name, changes nothing, and the run goes on', async () => {
    const payload = z.object({ amount: z.number().default(1) }).transform((given) => ({ ...given, seen: 1 }));
    const gateway = await startGateway({ manager: { actionTypes: [{ type: 'payment', payload }] } });
    const client = await connect(gateway, (await handedOver(gateway)).token);
    const refused = await client.job
      .pause({ type: 'payment', payload: { amount: 'much' } })
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'invalid_action' });
    expect(String(refused)).toContain('payload.amount: ');
    expect(client.job.isOver).toBe(false);
    expect((await gateway.manager.getJob('s'))?.status).toBe('running');
    await client.job.emit(text('a'));
    await client.job.pause({ type: 'payment', payload: {} });
    const record = await gateway.manager.getJob('s');
    expect(record).toMatchObject({
      status: 'requires_action',
      // Held to the schema once, where it is taken.
      pendingAction: { type: 'payment', payload: { amount: 1, seen: 1 } },
    });
  });

  it('too large for the gateway to look at is refused by that name', async () => {
    const payload = z.object({ text: z.string() });
    const gateway = await startGateway({
      manager: { actionTypes: [{ type: 'note', payload }] },
      routes: { bodyBytes: 4096 },
    });
    const client = await connect(gateway, (await handedOver(gateway)).token);
    await expect(
      client.job.pause({ type: 'note', payload: { text: 'x'.repeat(8_000) } }),
    ).rejects.toMatchObject({ code: 'body_too_large' });
    expect(await client.job.run((job) => write(job, 2))).toEqual({ reason: 'completed' });
  });
});

describe('a client', () => {
  it('hears of its run again after something else has answered in the gateway’s place', async () => {
    const gateway = await startGateway();
    let strangers = 0;
    const page = async (url: string, init: RequestInit) => {
      if (strangers < 3 && url.includes('/control')) {
        strangers++;
        return new Response('<html>not here</html>', { status: 404 });
      }
      return fetch(url, init);
    };
    const { token } = await handedOver(gateway, { workerLeaseMs: HOUR });
    const client = await connect(gateway, token, { fetch: page });
    await until('strangers have answered', () => strangers === 3);
    await gateway.manager.abortJob('s');
    await until('it is told', () => client.job.isOver);
    expect(client.job.reason).toBe('aborted');
  });

  it('renews its token before it expires, or asks the host’s function for another', async () => {
    const clock = new FakeClock();
    const gateway = await startGateway({ services: createStreamServices({ clock }), manager: { clock } });
    const lasting = { workerLeaseMs: 6 * HOUR };
    let renewals = 0;
    const counted = (url: string, init: RequestInit) => {
      if (url.endsWith('/token')) renewals++;
      return fetch(url, init);
    };
    const one = await handedOver(gateway, lasting, 'one');
    const client = await connect(gateway, one.token, { clock, fetch: counted });
    const two = await handedOver(gateway, lasting, 'two');
    const asked: string[] = [];
    const ask = async () => {
      const { token } = asked.length === 0 ? two : (await post(gateway, 'token', two.token, {})).body;
      asked.push(token);
      return token;
    };
    const other = await connect(gateway, ask, { clock });
    await clock.advance(11 * MINUTE); // of a quarter of an hour
    await until('both have another token', () => renewals > 0 && asked.length > 1);
    await clock.advance(5 * MINUTE);
    expect((await post(gateway, 'heartbeat', one.token, {})).status, 'the first has expired').toBe(401);
    for (const { job } of [client, other])
      expect(await job.run((of) => write(of, 2))).toEqual({ reason: 'completed' });
  });

  it('that is closed ends what still runs as interrupted, and delivers what waits', async () => {
    const gateway = await startGateway();
    const client = await connect(gateway, (await handedOver(gateway)).token);
    await client.job.emit(text('a'));
    await client.close();
    expect(await gateway.manager.getJob('s')).toMatchObject({
      status: 'failed',
      error: { code: 'interrupted' },
    });
    expect((await eventsOf(gateway.manager)).map(({ event }) => event)).toEqual([
      'created',
      'text',
      'failed',
    ]);
  });

  it('of a run that is over, with no token, or at no gateway is refused by name', async () => {
    const gateway = await startGateway();
    const { token } = await handedOver(gateway);
    await gateway.manager.abortJob('s');
    await expect(connect(gateway, token)).rejects.toMatchObject({ reason: 'aborted' });
    await expect(connect(gateway, 'nonsense')).rejects.toMatchObject({ code: 'token_invalid' });
    await expect(
      createWorkerClient({ url: 'http://127.0.0.1:9', token, startMs: 200 }),
    ).rejects.toMatchObject({ code: 'unavailable' });
    await expect(createWorkerClient({ url: 'nowhere', token })).rejects.toMatchObject({
      code: 'invalid_options',
    });
  });

  it('goes on over another gateway of the same store, when the first one drains', async () => {
    const services = createStreamServices();
    const one = await startGateway({ services });
    const two = await startGateway({ services });
    let target = one.url;
    const { token } = await handedOver(one);
    const fetchThere = (url: string, init: RequestInit) =>
      fetch(url.replace('http://gateway/worker', target), init);
    const client = await connect(one, token, { url: 'http://gateway/worker', fetch: fetchThere });
    await client.job.emit(text('a'));
    await client.job.flush();
    await until('it is delivered', () => client.pending === 0);
    target = two.url;
    await one.manager.drain({ graceMs: 0 });
    await client.job.emit(text('b'));
    await two.manager.abortJob('s');
    await until('it is told', () => client.job.isOver);
    expect(client.job.reason).toBe('aborted');
  });
});
