import express from 'express';
import { createStreamServices, type PauseInput } from 'generation-jobs';
import { createMetrics } from 'generation-jobs/metrics';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { wrapStore } from '../../src/testing/wrapped-store.js';
import { ask, CHOICES, decide, expectUnchanged, REJECT } from './asking.js';
import { ADAPTERS, codeOf, follow, getJson, postJson, send, serve, until, watchedStore } from './serving.js';

const CANARY = 'canary-91c3e7';
const KIB = 1024;
const routes = { onResume: () => {} };
const JSON_TYPE = { 'content-type': 'application/json' };

describe.each(ADAPTERS)('a hostile decision through the %s adapter', (adapter) => {
  it('is answered alike whether the stream is somebody else’s, another tenant’s, or none (A1, A2)', async () => {
    const services = createStreamServices();
    const registry = new Registry();
    const { store, calls } = watchedStore(services.jobStore);
    const served = await serve({
      ...{ adapter, routes, services: { ...services, jobStore: store } },
      manager: { observer: createMetrics({ registry }) },
    });
    const { approval, action } = await ask(served, {}, { tenantId: 'acme' });
    const own = { ...approval, payloadDigest: action.payloadDigest };
    const tried = async (session: string | undefined, streamId: string) => {
      calls.length = 0;
      const headers: Record<string, string> = {
        ...JSON_TYPE,
        'x-user-id': 'ann',
        cookie: 'user=ann',
        'x-tenant': 'acme',
      };
      if (session !== undefined) headers['x-session'] = session;
      const body = JSON.stringify({ ...own, streamId });
      const response = await fetch(`${served.url}/resume`, { method: 'POST', headers, body });
      const shown = [...response.headers].filter(([name]) => name !== 'date');
      return { status: response.status, body: await response.text(), shown, calls: [...calls] };
    };
    const before = await served.manager.getJob('chat-1', { tenantId: 'acme' });
    const absent = await tried('acme/ann', 'chat-2');
    expect([absent.status, JSON.parse(absent.body).error.code]).toEqual([404, 'stream_not_found']);
    for (const session of ['acme/bob', 'evil/ann', 'ann', 'acme/acme']) {
      expect([session, await tried(session, 'chat-1')]).toEqual([session, absent]);
    }
    expect(await tried(undefined, 'chat-1')).toEqual({ ...absent, calls: [] });
    expect(await served.manager.getJob('chat-1', { tenantId: 'acme' })).toEqual(before);
    for (const key of ['tenantId', 'userId', 'by', 'fingerprint', 'context']) {
      const named = await decide(served, { ...own, [key]: 'acme' }, { 'x-session': 'evil/ann' });
      expect([key, named.status, codeOf(named)]).toEqual([key, 400, 'invalid_body']);
    }
    expect(await registry.metrics()).not.toMatch(/acme|evil|chat-1/);
    expect((await decide(served, own, { 'x-session': 'acme/ann' })).status).toBe(202);
  });

  it('is refused when it comes from a page of another origin, whatever cookies it brings (A18)', async () => {
    const served = await serve({
      adapter,
      routes: { ...routes, allowedOrigins: ['https://app.example.com'] },
    });
    const { approval } = await ask(served);
    const body = JSON.stringify(approval);
    const post = (headers: Record<string, string>) =>
      send(served.port, 'POST', 'resume', { ...JSON_TYPE, ...headers }, body);
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `http://${served.host}.evil.example` },
      { 'sec-fetch-site': 'cross-site' },
    ] as Record<string, string>[]) {
      const refused = await expectUnchanged(served.manager, () =>
        post({ ...headers, cookie: 'session=ann' }),
      );
      expect([headers, refused.status, codeOf(refused)]).toEqual([headers, 403, 'origin_refused']);
      expect(refused.headers).not.toHaveProperty('access-control-allow-origin');
    }
    expect((await post({ origin: 'https://app.example.com' })).status).toBe(202);
  });

  it('is not looked at for its method or the type of its body (A18)', async () => {
    const served = await serve({ adapter, routes });
    const { approval } = await ask(served);
    const body = JSON.stringify(approval);
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) {
      const answer = await send(served.port, method, 'resume');
      expect([answer.status, answer.headers.allow]).toEqual([405, 'POST, OPTIONS']);
    }
    expect((await send(served.port, 'OPTIONS', 'resume')).status).toBe(204);
    for (const headers of [
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'multipart/form-data; boundary=x' },
      { 'content-type': '' },
      { ...JSON_TYPE, 'content-encoding': 'gzip' },
    ] as Record<string, string>[]) {
      const answer = await expectUnchanged(served.manager, () =>
        send(served.port, 'POST', 'resume', headers, body),
      );
      expect([headers, answer.status, codeOf(answer)]).toEqual([headers, 415, 'unsupported_media_type']);
      expect(answer.headers['cache-control']).toBe('private, no-store');
    }
  });

  it('is refused at little cost when it is huge, deep or too many (A9)', async () => {
    const served = await serve({ adapter, routes });
    const { approval } = await ask(served, CHOICES);
    const post = async (body: string) => {
      const answer = await expectUnchanged(served.manager, () =>
        send(served.port, 'POST', 'resume', JSON_TYPE, body),
      );
      return [answer.status, codeOf(answer)];
    };
    const withDecision = (json: string) =>
      `{"streamId":"chat-1","actionId":"${approval.actionId}","decisions":[${json}]}`;
    const edit = (json: string) => withDecision(`{"id":"call-1","decision":"edit","arguments":${json}}`);
    expect(await post(edit(`{"x":"${'x'.repeat(1024 * KIB)}"}`))).toEqual([413, 'body_too_large']);
    expect(await post(edit('[{"a":'.repeat(5_000)))).toEqual([400, 'json_too_deep']);
    expect(await post(edit(`${'{"a":'.repeat(62)}1${'}'.repeat(62)}`))).toEqual([400, 'json_too_deep']);
    const many = Array.from({ length: 10_000 }, (_, index) => `{"id":"${index}","decision":"reject"}`);
    expect(await post(withDecision(many.join(',')))).toEqual([413, 'body_too_large']);
    expect(await post(withDecision(many.slice(0, 65).join(',')))).toEqual([400, 'invalid_body']);
    expect(await post(withDecision(many.slice(0, 5_000).join(',')))).toEqual([400, 'invalid_body']);
    const full = 256 * KIB - edit('{"x":""}').length; // the event says a little more than the body
    expect(await post(edit(`{"x":"${'x'.repeat(full)}"}`))).toEqual([413, 'event_too_large']);
    expect({}).not.toHaveProperty('polluted');
    expect(await post('{"streamId":"a/b","actionId":"x"}')).toEqual([400, 'invalid_stream_id']);
  });

  it('decides nothing when it is sent again as it was, not even a later question (A19)', async () => {
    let asked = 1;
    let runs = 0;
    const served = await serve({
      adapter,
      routes: {
        onResume: async (job) => {
          runs++;
          if (asked++ === 1) await job.pause({ ...CHOICES, actionId: 'second' });
        },
      },
    });
    const { approval, action } = await ask(served, { actionId: 'first' });
    const captured = { ...approval, payloadDigest: action.payloadDigest };
    expect((await decide(served, captured)).status).toBe(202);
    await until('the next question', async () => (await served.manager.approvals.peek('chat-1')) !== null);
    const replayed = await expectUnchanged(served.manager, () => decide(served, captured));
    expect([replayed.status, codeOf(replayed)]).toEqual([409, 'action_stale']);
    expect(runs).toBe(1);
  });

  it('is refused when it was made on arguments that are not those pending now (A19)', async () => {
    const served = await serve({ adapter, routes });
    const named = (to: string): Partial<PauseInput> => ({
      actionId: 'send',
      requests: [{ id: 'call-1', name: 'send_mail', arguments: { to } }],
    });
    const shown = await ask(served, named('bob'));
    const now = await ask(served, named('everybody')); // the next generation asks under the same names
    expect(now.approval).toEqual(shown.approval);
    const body = { ...shown.approval, payloadDigest: shown.action.payloadDigest };
    const refused = await expectUnchanged(served.manager, () => decide(served, body));
    expect([refused.status, codeOf(refused)]).toEqual([409, 'payload_changed']);
    expect((await decide(served, { ...body, payloadDigest: now.action.payloadDigest })).status).toBe(202);
  });
});

describe('a hostile decision that express.json() has parsed', () => {
  it('is bounded all the same, in depth, size and keys (A8, A9)', async () => {
    const served = await serve({ routes, before: (app) => app.use(express.json({ limit: '2mb' })) });
    const { approval } = await ask(served, CHOICES);
    const { actionId } = approval;
    const post = async (edited: string, more = '') => {
      const decision = `{"id":"call-1","decision":"edit","arguments":${edited}${more}}`;
      const body = `{"streamId":"chat-1","actionId":"${actionId}","decisions":[${decision}]}`;
      const answer = await expectUnchanged(served.manager, () =>
        send(served.port, 'POST', 'resume', JSON_TYPE, body),
      );
      return [answer.status, codeOf(answer)];
    };
    const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
    expect(await post(deep(500))).toEqual([400, 'json_too_deep']);
    expect((await post(deep(5_000)))[0], 'more than can be written as JSON again').toBe(400);
    expect(await post(`{"x":"${'x'.repeat(1024 * KIB)}"}`)).toEqual([413, 'body_too_large']);
    expect(await post('{}', ',"__proto__":{"polluted":true}')).toEqual([400, 'invalid_body']);
    expect({}).not.toHaveProperty('polluted');
  });
});

describe.each(ADAPTERS)('secrets of an action behind the %s adapter', (adapter) => {
  it('that the host keeps with it are in no answer, event or log, whoever asks what (L41)', async () => {
    const lines: string[] = [];
    const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
    const registry = new Registry();
    let isKept = true;
    const served = await serve({
      adapter,
      manager: {
        ...{ logger, observer: createMetrics({ registry }) },
        hooks: { beforeResolve: () => ({ fingerprint: isKept ? `${CANARY}-print` : 'another' }) },
      },
      routes: {
        onResume: (_job, { resumeContext }) => {
          if (JSON.stringify(resumeContext) !== `{"state":"${CANARY}"}`)
            throw new Error('nothing to go on with');
        },
      },
    });
    const { approval } = await ask(served, {
      resumeContext: { state: CANARY },
      fingerprint: `${CANARY}-print`,
    });
    const shown: unknown[] = [];
    const look = async () => {
      const reader = await follow(`${served.url}/stream/chat-1?resume=true&follow=stream`);
      await until('sync', () => reader.events.length > 0);
      reader.leave();
      shown.push(
        reader.events,
        await getJson(`${served.url}/status/chat-1`),
        await getJson(`${served.url}/active`),
      );
    };
    await look();
    isKept = false;
    shown.push(await decide(served, approval), await decide(served, { ...approval, decisions: [] }));
    isKept = true;
    shown.push(await decide(served, approval), await decide(served, approval));
    const reader = await follow(`${served.url}/stream/chat-1`);
    await reader.over;
    shown.push(reader.events, await postJson(`${served.url}/abort`, { streamId: 'chat-1' }));
    await look();
    expect(reader.events.map(({ event }) => event)).toEqual([
      'created',
      'requires_action',
      'resumed',
      'completed',
    ]);
    expect(JSON.stringify(shown)).toContain('action_decided');
    expect(JSON.stringify(shown)).not.toContain(CANARY);
    expect(JSON.stringify(shown)).not.toMatch(/resumeContext|fingerprint"/);
    expect(lines.join()).not.toContain(CANARY);
    expect(await registry.metrics()).not.toContain(CANARY);
  });

  it('and what people type into a decision reaches no metric, and no log but what the host itself threw (A15)', async () => {
    const lines: string[] = [];
    const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
    const registry = new Registry();
    const services = createStreamServices();
    let fault: 'none' | 'hook' | 'store' = 'none';
    const store = wrapStore(services.jobStore, ({ method }, perform) =>
      fault === 'store' && method === 'read' ? Promise.reject(new Error(CANARY)) : perform(),
    );
    const served = await serve({
      ...{ adapter, services: { ...services, jobStore: store } },
      manager: {
        ...{ logger, observer: createMetrics({ registry }) },
        hooks: {
          beforeResolve: (proposed) => {
            if (fault === 'hook') throw new Error(`${CANARY} ${JSON.stringify(proposed.decisions)}`);
            return true;
          },
        },
      },
      routes: {
        onResume: () => {
          throw new Error(CANARY);
        },
      },
    });
    const { approval } = await ask(served);
    const body = { ...approval, idempotencyKey: CANARY, decisions: [{ ...REJECT, reason: CANARY }] };
    const codes: unknown[] = [];
    const tell = async (said: object) => {
      const answer = await decide(served, said);
      codes.push(codeOf(answer));
      expect(JSON.stringify(answer)).not.toContain(CANARY);
    };
    await tell({ ...body, payloadDigest: CANARY });
    await tell({ ...body, actionId: CANARY });
    await tell({ ...body, [CANARY]: 1 });
    fault = 'hook';
    await tell(body);
    fault = 'store';
    await tell(body);
    fault = 'none';
    await tell(body);
    expect(codes).toEqual([
      ...['payload_changed', 'action_not_found', 'invalid_body', 'action_refused', 'internal', undefined],
    ]);
    await until('the end', async () => (await served.manager.getJob('chat-1'))?.status === 'failed');
    expect(lines.length).toBeGreaterThanOrEqual(3);
    const withoutErrors = lines.map((line) => JSON.stringify({ ...JSON.parse(line), err: undefined }));
    expect(withoutErrors.join()).not.toContain(CANARY);
    expect(await registry.metrics()).not.toContain(CANARY);
  });
});
