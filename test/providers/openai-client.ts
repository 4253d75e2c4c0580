/** What holds of OpenAI's real client, of either line, with its streams piped: a server on this machine plays the provider. */
import { fromChatCompletions, fromResponses, withoutRequest } from 'generation-jobs/openai';
import type OpenAI6 from 'openai';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ProviderAnswer, type ProviderServer, serveProvider } from '../support/provider-server.js';
import { type Piped, type PipingInput, piped } from './piping.js';
import { CHAT, RESPONSES, recording } from './recordings.js';

export function describeOpenAIClient(OpenAI: typeof OpenAI6): void {
  const servers: ProviderServer[] = [];
  let [chatServer, responsesServer] = [] as unknown as [ProviderServer, ProviderServer];
  beforeAll(async () => {
    [chatServer, responsesServer] = [await serveProvider('chat'), await serveProvider('named')];
    servers.push(chatServer, responsesServer);
  });
  afterAll(() => Promise.all(servers.map((server) => server.close())));
  const clientOf = (server: ProviderServer) =>
    new OpenAI({ baseURL: server.url, apiKey: 'none', maxRetries: 0 });

  const asked = { model: 'gpt', messages: [{ role: 'user' as const, content: 'hi' }] };
  const chat = (signal: AbortSignal) =>
    clientOf(chatServer).chat.completions.create({ ...asked, stream: true }, { signal });
  const responses = (signal: AbortSignal) =>
    clientOf(responsesServer).responses.create({ model: 'gpt', input: 'hi', stream: true }, { signal });
  const ways = [
    {
      name: 'chat completions',
      events: recording(CHAT[0] as string),
      server: () => chatServer,
      source: () => fromChatCompletions(chat),
    },
    {
      name: 'the helper of chat completions',
      events: recording(CHAT[0] as string),
      server: () => chatServer,
      source: () => fromChatCompletions(() => clientOf(chatServer).chat.completions.stream(asked)),
    },
    {
      name: 'responses',
      events: recording(RESPONSES[0] as string),
      server: () => responsesServer,
      source: () => fromResponses(responses),
    },
    {
      name: 'the helper of responses',
      events: recording(RESPONSES[0] as string),
      server: () => responsesServer,
      source: () =>
        fromResponses(() => clientOf(responsesServer).responses.stream({ model: 'gpt', input: 'hi' })),
    },
    {
      name: 'the promise of a call',
      events: recording(CHAT[0] as string),
      server: () => chatServer,
      source: () =>
        fromChatCompletions(clientOf(chatServer).chat.completions.create({ ...asked, stream: true })),
    },
  ];

  describe.each(ways)('$name', ({ events, server, source }) => {
    const run = (answer: ProviderAnswer, input?: PipingInput): Promise<Piped> => {
      server().answer(answer);
      return piped(source(), input);
    };

    it('completes with every event, and what was used', async () => {
      const { end, events: told, state } = await run({ events });
      expect(end).toEqual({ reason: 'completed' });
      expect(told.map(({ data }) => data)).toEqual(events);
      expect(state.usage.input_tokens).toBeGreaterThan(0);
    });

    it('is stopped by an abort: the connection to the provider closes', async () => {
      const before = server().left();
      const onEvent: PipingInput['onEvent'] = (count, manager) =>
        count === 6 ? manager.abortJob('s') : undefined;
      const {
        end,
        events: told,
        reports,
      } = await run({ events: events.slice(0, 6), ending: 'hold' }, { onEvent });
      expect(end).toEqual({ reason: 'aborted' });
      expect(told).toHaveLength(6);
      expect(reports).toEqual([]);
      await vi.waitUntil(() => server().left() === before + 1, { timeout: 60_000 });
    });

    it('fails by name when the provider refuses, in its first word or in the middle', async () => {
      const body = (code: string, message = 'org-123') => ({ error: { code, type: 'tokens', message } });
      const limited = await run({ status: 429, body: body('rate_limit_exceeded') });
      expect(limited.state.end).toMatchObject({ code: 'rate_limited', retryable: true });
      expect(JSON.stringify(limited.state)).not.toContain('org-123');
      expect((await run({ status: 429, body: body('insufficient_quota') })).state.end).toMatchObject({
        code: 'rate_limited',
        retryable: false,
      });
      expect((await run({ status: 503, body: body('overloaded') })).state.end).toMatchObject({
        code: 'overloaded',
        retryable: true,
      });
      expect((await run({ status: 400, body: body('content_filter') })).state.end).toMatchObject({
        code: 'content_filtered',
        retryable: false,
      });
      const late = await run({ events: [...events.slice(0, 6), body('server_error')] });
      expect(late.state.end).toMatchObject({ code: 'model_failed', retryable: true });
      expect(late.events).toHaveLength(6);
    });

    it('fails when the connection is cut, or the stream ends before its end', async () => {
      for (const ending of ['cut', 'end'] as const) {
        const { state, events: told } = await run({ events: events.slice(0, 6), ending });
        expect(state.end).toMatchObject({ code: 'model_failed', retryable: true });
        expect(told).toHaveLength(6);
      }
    });
  });

  it('a filtered answer and a refused one fail by name, with all that was said', async () => {
    const [first] = recording(CHAT[0] as string) as unknown as [{ choices: object[] }];
    const filtered = { ...first, choices: [{ index: 0, delta: {}, finish_reason: 'content_filter' }] };
    chatServer.answer({ events: [first, filtered] });
    const { state, events } = await piped(fromChatCompletions(chat), { contentModel: 'chat-completions' });
    expect(state.end).toMatchObject({ code: 'content_filtered', retryable: false });
    expect(events).toHaveLength(2);
    const failed = {
      type: 'response.failed',
      response: { id: 'r', status: 'failed', error: { code: 'rate_limit_exceeded', message: 'org-123' } },
    };
    responsesServer.answer({ events: [{ type: 'response.created', response: { id: 'r' } }, failed] });
    const response = await piped(fromResponses(responses, { keep: withoutRequest }), {
      contentModel: 'responses',
    });
    expect(response.state).toMatchObject({
      end: { code: 'rate_limited' },
      content: { responses: [{ status: 'failed' }] },
    });
    expect(JSON.stringify(response.state)).not.toContain('org-123');
  });
}
