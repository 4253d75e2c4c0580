/** What holds of Anthropic's real client with its streams piped: a server on this machine plays the provider. */
import Anthropic from '@anthropic-ai/sdk';
import { fromAnthropic } from 'generation-jobs/anthropic';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ProviderAnswer, type ProviderServer, serveProvider } from '../support/provider-server.js';
import { type Piped, type PipingInput, piped } from './piping.js';
import { ANTHROPIC, recording } from './recordings.js';

let server: ProviderServer;
beforeAll(async () => {
  server = await serveProvider('named');
});
afterAll(() => server.close());

const client = () => new Anthropic({ baseURL: server.url, apiKey: 'none', maxRetries: 0 });
const asked = { model: 'claude', max_tokens: 100, messages: [{ role: 'user' as const, content: 'hi' }] };
const messages = (signal: AbortSignal) => client().messages.create({ ...asked, stream: true }, { signal });
const all = recording(ANTHROPIC[0] as string);
// The SDK keeps these to itself.
const events = all.filter(({ type }) => type !== 'ping');

describe.each([
  { name: 'messages', source: () => fromAnthropic(messages) },
  { name: 'the helper of messages', source: () => fromAnthropic(() => client().messages.stream(asked)) },
  {
    name: 'the promise of a call',
    source: () => fromAnthropic(client().messages.create({ ...asked, stream: true })),
  },
])('$name', ({ source }) => {
  const run = (answer: ProviderAnswer, input?: PipingInput): Promise<Piped> => {
    server.answer(answer);
    return piped(source(), input);
  };

  it('completes with every event, and what was used', async () => {
    const { end, events: told, state } = await run({ events: all }, { contentModel: 'anthropic-messages' });
    expect(end).toEqual({ reason: 'completed' });
    expect(told.map(({ data }) => (data as { type: string }).type)).toEqual(events.map(({ type }) => type));
    expect(told.slice(1).map(({ data }) => data)).toEqual(events.slice(1));
    // The helper goes on writing into this one, which tells of no more than how the message begins.
    expect(told[0]?.data).toMatchObject({ message: { content: [], stop_reason: null } });
    expect(state.usage).toMatchObject({ input_tokens: 15_665, output_tokens: 795 });
  });

  it('is stopped by an abort: the connection to the provider closes, and what it had used is counted', async () => {
    const before = server.left();
    const onEvent: PipingInput['onEvent'] = (count, manager) =>
      count === 6 ? manager.abortJob('s') : undefined;
    const {
      end,
      events: told,
      state,
      reports,
    } = await run({ events: events.slice(0, 6), ending: 'hold' }, { onEvent });
    expect(end).toEqual({ reason: 'aborted' });
    expect(told).toHaveLength(6);
    expect(reports).toEqual([]);
    expect(state.usage.input_tokens).toBe(2_037);
    await vi.waitUntil(() => server.left() === before + 1, { timeout: 60_000 });
  });

  it('fails by name when the provider refuses, in its first word or in the middle', async () => {
    const body = (type: string, message = 'org-123') => ({ type: 'error', error: { type, message } });
    const limited = await run({ status: 429, body: body('rate_limit_error') });
    expect(limited.state.end).toMatchObject({ code: 'rate_limited', retryable: true });
    expect(JSON.stringify(limited.state)).not.toContain('org-123');
    expect((await run({ status: 529, body: body('overloaded_error') })).state.end).toMatchObject({
      code: 'overloaded',
      retryable: true,
    });
    const long = body('invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum');
    expect((await run({ status: 400, body: long })).state.end).toMatchObject({
      code: 'context_exceeded',
      retryable: false,
    });
    const late = await run({ events: [...events.slice(0, 6), body('overloaded_error')] });
    expect(late.state).toMatchObject({
      end: { code: 'overloaded', retryable: true },
      usage: { input_tokens: 2_037 },
    });
    expect(late.events).toHaveLength(6);
  });

  it('fails when the connection is cut, or the stream ends before its end', async () => {
    for (const ending of ['cut', 'end'] as const) {
      const { state, events: told } = await run({ events: events.slice(0, 6), ending });
      expect(state.end).toMatchObject({ code: 'model_failed', retryable: true });
      expect(told).toHaveLength(6);
    }
  });

  it('fails by name when the model refuses', async () => {
    const refusal = {
      type: 'message_delta',
      delta: { stop_reason: 'refusal', stop_sequence: null },
      usage: { output_tokens: 3 },
    };
    const { state, events: told } = await run({
      events: [...events.slice(0, 4), refusal, { type: 'message_stop' }],
    });
    expect(state.end).toMatchObject({ code: 'content_filtered', retryable: false });
    expect(told).toHaveLength(6);
  });
});
