import { createStreamServices, type ErrorReport } from 'generation-jobs';
import { createMetrics } from 'generation-jobs/metrics';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { ADAPTERS, getJson, postJson, serve, startJob, until, watchedStore } from './serving.js';

const CANARY = 'canary-7f3a9c';

function logLines() {
  const lines: string[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  return { lines, logger };
}

describe.each(ADAPTERS)('secrets behind the %s adapter', (adapter) => {
  /** The lines without what `logErrors: 'full'` adds to them. */
  const withoutErrors = (lines: readonly string[]) =>
    lines.map((line) => JSON.stringify({ ...JSON.parse(line), err: undefined })).join();

  it.each(['full', 'name'] as const)(
    'are in nothing a client sees, in no metric, and in logs only as err, unless by name: %s (A15)',
    async (logErrors) => {
      const { lines, logger } = logLines();
      const registry = new Registry();
      let fault: 'none' | 'authorize' | 'store' | 'identity' = 'none';
      const services = createStreamServices();
      const { store } = watchedStore(services.jobStore, (method) =>
        fault === 'store' && method.startsWith('read')
          ? new Error(`connect redis://:${CANARY}@10.0.0.1 failed\n    at ${CANARY} (${CANARY}.ts:1:1)`)
          : undefined,
      );
      const { manager, url } = await serve({
        adapter,
        services: { ...services, jobStore: store },
        manager: {
          logger,
          options: { logErrors },
          observer: createMetrics({ registry }),
          hooks: {
            publicMetadata: () => {
              throw new Error(CANARY);
            },
            describeEnd: () => {
              throw new Error(CANARY);
            },
          },
        },
        authorize: () => {
          if (fault === 'authorize') throw new Error(`token ${CANARY} expired`);
          if (fault === 'identity') return { userId: '', tenantId: CANARY };
          return { userId: 'ann' };
        },
      });
      const made = await manager.createJob({
        streamId: 'chat-1',
        userId: 'ann',
        created: { prompt: CANARY },
        metadata: { apiKey: CANARY },
      });
      if (!made.started) throw new Error('not started');
      void made.job.emit({ event: 'text', data: CANARY });
      const shown: string[] = [];
      const headers = { authorization: `Bearer ${CANARY}`, 'last-event-id': CANARY };
      for (const failing of ['authorize', 'identity', 'store'] as const) {
        fault = failing;
        const answers = [
          await getJson(`${url}/stream/chat-1?token=${CANARY}`),
          await getJson(`${url}/stream/chat-1?token=${CANARY}&after=${CANARY}`, headers),
          await getJson(`${url}/status/chat-1?token=${CANARY}`),
          await getJson(`${url}/stream/${CANARY}%00`),
          await postJson(`${url}/abort`, { streamId: 'chat-1', token: CANARY }),
          await postJson(`${url}/abort`, { streamId: 'chat-1' }),
        ];
        expect(answers.map(({ status }) => status)).toEqual([
          500,
          400,
          500,
          400,
          failing === 'store' ? 400 : 500,
          500,
        ]);
        shown.push(...answers.map((answer) => JSON.stringify(answer)));
      }
      fault = 'none';
      await made.job.fail(new Error(`upstream said ${CANARY}`)).catch(() => {});
      expect(shown.join()).not.toContain(CANARY);
      expect(lines.length).toBeGreaterThan(5);
      expect(withoutErrors(lines)).not.toContain(CANARY);
      expect(lines.join().includes(CANARY)).toBe(logErrors === 'full');
      expect(await registry.metrics()).not.toContain(CANARY);
    },
  );

  it('of a session that breaks later are as safe, and the stream says nothing about why (A15)', async () => {
    const { lines, logger } = logLines();
    const told: ErrorReport[] = [];
    const fault = new Error(CANARY);
    let revoked = false;
    const { manager, url } = await serve({
      adapter,
      manager: { logger, hooks: { onError: (report) => void told.push(report) } },
      routes: { recheckMs: 20 },
      authorize: () => {
        if (revoked) throw fault;
        return { userId: 'ann' };
      },
    });
    await startJob(manager, 'chat-1');
    const response = await fetch(`${url}/stream/chat-1`);
    revoked = true;
    expect(await response.text()).not.toContain(CANARY);
    const failed = () => lines.map((line) => JSON.parse(line)).find(({ where }) => where === 'authorize');
    await until('a record', () => failed() !== undefined);
    const named = { route: 'stream', code: 'internal' };
    expect(failed()).toMatchObject({ ...named, err: { type: 'Error', message: CANARY } });
    expect(withoutErrors(lines)).not.toContain(CANARY);
    expect(told.map(({ where, error }) => [where, error === fault])).toEqual([['authorize', true]]);
  });

  it('and line breaks in whatever a client sends forge no log record (A16)', async () => {
    const { lines, logger } = logLines();
    const forged = '{"level":30,"msg":"forged"}';
    const breaking = new Error(`a\n${forged}\r\n${forged}`);
    breaking.name = `Name\n${forged}`;
    const { url } = await serve({
      adapter,
      manager: { logger },
      authorize: () => {
        throw breaking;
      },
    });
    const odd = encodeURIComponent(`x\n${forged}`);
    await getJson(`${url}/stream/${odd}`);
    await getJson(`${url}/stream/chat-1?q=${odd}`);
    await getJson(`${url}/status/chat-1?${odd}`);
    await postJson(`${url}/abort`, { streamId: `x\n${forged}` });
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(JSON.parse(line)).toMatchObject({ level: 50, msg: 'request failed', code: 'internal' });
    }
  });
});
