/** Streams of UI chunks as the AI SDK makes them, made by chance; and what its chat makes of them. */
import { AbstractChat, type UIMessage, type UIMessageChunk } from 'ai';
import fc from 'fast-check';
import type { UIChunk } from 'generation-jobs/ai-sdk';
import { type ChatRelease, plainChatOf } from '../support/ai-chat.js';

const word = fc.stringMatching(/^[a-zäß 🙂"\\]{0,8}$/u);
const metadata = fc.option(fc.constant({ model: { tokens: 3 } }), { nil: undefined });
const withMetadata = (given: unknown) => (given === undefined ? {} : { providerMetadata: given });

const textTrack = (type: 'text' | 'reasoning', id: string) =>
  fc
    .tuple(fc.array(word, { maxLength: 4 }), metadata, metadata, fc.boolean())
    .map(([deltas, first, last, isLastNamed]): UIChunk[] => [
      { type: `${type}-start`, id, ...withMetadata(first) },
      ...deltas.map((delta) => ({ type: `${type}-delta`, id, delta })),
      { type: `${type}-end`, id, ...(isLastNamed && withMetadata(last)) },
    ]);

const output: fc.Arbitrary<readonly UIChunk[]> = fc.oneof(
  fc.constant([]),
  fc.jsonValue({ maxDepth: 2 }).map((said) => [{ type: 'tool-output-available', output: said }]),
  fc.constant([
    { type: 'tool-output-available', output: 1, preliminary: true },
    { type: 'tool-output-available', output: { done: true }, providerMetadata: { a: { b: 1 } } },
  ]),
  fc.constant([{ type: 'tool-output-error', errorText: 'no luck' }]),
);

function cutText(text: string, places: readonly number[]): string[] {
  const cuts = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...cuts]
    .map((from, index) => text.slice(from, cuts[index] ?? text.length))
    .filter((piece) => piece !== '');
}

const callTrack = (toolCallId: string) =>
  fc
    .record({
      input: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 3 }),
      streams: fc.boolean(),
      cuts: fc.array(fc.nat(), { maxLength: 4 }),
      fails: fc.integer({ min: 0, max: 4 }).map((chance) => chance === 0),
      dynamic: fc.boolean(),
      title: fc.option(word, { nil: undefined }),
      providerExecuted: fc.option(fc.boolean(), { nil: undefined }),
      called: metadata,
      outcome: output,
    })
    .map(({ input, streams, cuts, fails, dynamic, title, providerExecuted, called, outcome }): UIChunk[] => {
      const call = {
        toolCallId,
        toolName: `tool${toolCallId.length % 2}`,
        ...(dynamic && { dynamic }),
        ...(title !== undefined && { title }),
        ...(providerExecuted !== undefined && { providerExecuted }),
      };
      const deltas = cutText(JSON.stringify(input), cuts);
      const streamed = [
        { type: 'tool-input-start', ...call, ...withMetadata(called) },
        ...deltas.map((inputTextDelta) => ({ type: 'tool-input-delta', toolCallId, inputTextDelta })),
      ];
      const failed = {
        type: 'tool-input-error',
        ...call,
        input: JSON.stringify(input),
        errorText: 'bad input',
      };
      if (fails) return [...(streams ? streamed : []), failed];
      return [
        ...(streams ? streamed : []),
        { type: 'tool-input-available', ...call, input, ...withMetadata(called) },
        ...outcome.map((one) => ({ ...one, toolCallId })),
      ];
    });

const plainTrack = (name: string) =>
  fc.constantFrom<UIChunk[]>(
    [{ type: 'source-url', sourceId: name, url: 'https://example.org', title: 'There' }],
    [{ type: 'source-document', sourceId: name, mediaType: 'text/plain', title: 'A document' }],
    [{ type: 'file', url: 'data:text/plain,hello', mediaType: 'text/plain' }],
    [{ type: 'data-weather', id: 'w', data: { name } }],
    [{ type: 'data-note', data: name }],
    [{ type: 'data-gauge', data: name, transient: true }],
    [{ type: 'message-metadata', messageMetadata: { [name]: { seen: true }, last: name } }],
  );

/** The tracks' chunks, each track in its order, mixed as `choices` say. */
function mixed(tracks: readonly UIChunk[][], choices: readonly number[]): UIChunk[] {
  const left = tracks.map((track) => [...track]);
  const chunks: UIChunk[] = [];
  for (let turn = 0; left.some((track) => track.length > 0); turn++) {
    const open = left.filter((track) => track.length > 0);
    const chunk = open[(choices[turn % choices.length] ?? 0) % open.length]?.shift();
    if (chunk !== undefined) chunks.push(chunk);
  }
  return chunks;
}

const step = (index: number) =>
  fc
    .tuple(
      fc.array(fc.oneof(fc.constantFrom('text', 'reasoning'), fc.constantFrom('text', 'call', 'plain')), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.array(fc.nat(), { minLength: 1, maxLength: 12 }),
    )
    .chain(([kinds, choices]) =>
      fc
        .tuple(
          ...kinds.map((kind, place): fc.Arbitrary<UIChunk[]> => {
            if (kind === 'call') return callTrack(`call-${index}-${'x'.repeat(place)}`);
            // Parts of a step have names of their own; the next step may use them again.
            return kind === 'plain'
              ? plainTrack(`p${index}${place}`)
              : textTrack(kind as 'text', String(place));
          }),
        )
        .map((tracks) => [{ type: 'start-step' }, ...mixed(tracks, choices), { type: 'finish-step' }]),
    );

/** A whole stream: `start`, steps, `finish`. */
export const chunkStream: fc.Arbitrary<UIChunk[]> = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.option(fc.constant({ took: 7 }), { nil: undefined }))
  .chain(([steps, messageMetadata]) =>
    fc
      .tuple(...Array.from({ length: steps }, (_, index) => step(index)))
      .map((made): UIChunk[] => [
        { type: 'start', messageId: 'm-1', ...(messageMetadata && { messageMetadata: { from: 'start' } }) },
        ...made.flat(),
        { type: 'finish', finishReason: 'stop', ...(messageMetadata && { messageMetadata }) },
      ]),
  );

export interface ChatOutcome {
  readonly message: UIMessage | undefined;
  readonly status: string;
  readonly error: string | undefined;
  readonly finishReason: string | undefined;
}

/** What the AI SDK's chat makes of chunks that answer its question. */
export async function chatOf(
  chunks: readonly UIChunk[],
  release: ChatRelease = { AbstractChat },
): Promise<ChatOutcome> {
  let finishReason: string | undefined;
  const chat = new (plainChatOf(release))({
    transport: {
      sendMessages: async () => streamOf(chunks),
      reconnectToStream: async () => null,
    },
    onFinish: (finished) => {
      finishReason = finished.finishReason;
    },
  });
  await chat.sendMessage({ text: 'a question' });
  const message = chat.lastMessage?.role === 'assistant' ? chat.lastMessage : undefined;
  return { message: asJson(message), status: chat.status, error: chat.error?.message, finishReason };
}

function streamOf(chunks: readonly UIChunk[]): ReadableStream<UIMessageChunk> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(structuredClone(chunk) as unknown as UIMessageChunk);
      controller.close();
    },
  });
}

export function asJson<Value>(value: Value): Value {
  return value === undefined ? value : JSON.parse(JSON.stringify(value));
}

/** The chunks of the frames of a response's text. */
export function chunksIn(text: string): UIChunk[] {
  return text
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: {'))
    .map((frame) => JSON.parse(frame.slice('data: '.length)));
}
