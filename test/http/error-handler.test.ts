/**
 * Errors of the library in a host's own routes: answered as the stream routes answer them; all others are the host's.
 */
import type { ErrorRequestHandler } from 'express';
import { ActionDecidedError, ConflictError, ERROR_TABLE, GenerationJobError } from 'generation-jobs';
import { errorHandler } from 'generation-jobs/express';
import { describe, expect, it } from 'vitest';
import { EXPRESS_ADAPTERS, serve } from './serving.js';

const SECRET = 'postgres://user:password@db';

describe.each(EXPRESS_ADAPTERS)('errorHandler with %s', (adapter) => {
  /** Serves a route of the host's that throws, and asks it. */
  async function answerTo(error: unknown, begin?: string) {
    const handed: unknown[] = [];
    const served = await serve({
      adapter,
      after: (app) => {
        app.get('/own', (_request, response, next) => {
          if (begin !== undefined) response.write(begin);
          next(error);
        });
        app.use(errorHandler());
        const last: ErrorRequestHandler = (error, _request, response, _next) => {
          handed.push(error);
          if (response.headersSent) response.end();
          else response.status(418).end();
        };
        app.use(last);
      },
    });
    const response = await fetch(`http://${served.host}/own`);
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, handed, served };
  }

  it('answers an error of ours with its status, code and remedy as JSON, and nothing of its message', async () => {
    const conflict = await answerTo(new ConflictError(SECRET, 7));
    expect(conflict.status).toBe(409);
    expect(conflict.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(conflict.headers.get('cache-control')).toBe('private, no-store');
    const { remedy } = ERROR_TABLE.conflict;
    expect(JSON.parse(conflict.text)).toEqual({ error: { code: 'conflict', message: remedy } });
    expect(conflict.handed).toEqual([]);
    const away = await answerTo(new GenerationJobError('unavailable', SECRET));
    expect([away.status, JSON.parse(away.text).error.code]).toEqual([503, 'unavailable']);
    expect(away.text).not.toContain(SECRET);
  });

  it('gives the same answer as a route of ours to the same error', async () => {
    const own = await answerTo(new GenerationJobError('stream_not_found', 'There is no such stream.'));
    const ours = await fetch(`${own.served.url}/status/none`, { headers: { 'x-session': 'ann' } });
    expect([own.status, own.text]).toEqual([ours.status, await ours.text()]);
    for (const name of ['content-type', 'cache-control', 'x-content-type-options'])
      expect([name, own.headers.get(name)]).toEqual([name, ours.headers.get(name)]);
  });

  it('tells a decision that came too late by its outcome', async () => {
    const resolution = {
      ...{ actionId: 'a', type: 'checkpoint', outcome: 'decided' as const, by: 'ann', payloadDigest: 'd' },
      ...{ decisions: [], answers: [], askedAt: 1, at: 2, idempotencyKey: SECRET },
    };
    const { status, text } = await answerTo(new ActionDecidedError('action_decided', resolution, false));
    expect(status).toBe(409);
    expect(JSON.parse(text).error).toMatchObject({
      code: 'action_decided',
      outcome: { actionId: 'a', by: 'ann' },
    });
    expect(text).not.toContain(SECRET);
  });

  it('hands on what is not ours, and what comes after the answer has begun', async () => {
    const other = Object.assign(new Error('not ours'), { code: 'conflict' });
    const notOurs = await answerTo(other);
    expect([notOurs.status, notOurs.handed]).toEqual([418, [other]]);
    const late = new GenerationJobError('unavailable', 'away');
    const begun = await answerTo(late, 'half an answer');
    expect([begun.status, begun.handed]).toEqual([200, [late]]);
  });
});
