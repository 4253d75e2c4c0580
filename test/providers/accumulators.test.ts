/** Our content equals what the providers' own accumulators make of the same stream: of recorded ones, and of any that is legal. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anthropicContent } from '../../src/content/anthropic.js';
import { chatCompletionsContent } from '../../src/content/chat-completions.js';
import { responsesContent } from '../../src/content/responses.js';
import { checked, checkedAsync } from '../unit/property.js';
import { completionOf, messageOf, responseAfterEach } from './accumulators.js';
import { anthropicStream, chatStream, responseStream } from './provider-streams.generator.js';
import { ANTHROPIC, CHAT, RESPONSES, recording, type Told } from './recordings.js';

const [chat, responses, anthropic] = [chatCompletionsContent(), responsesContent(), anthropicContent()];
const asJson = <T>(value: T): T => JSON.parse(JSON.stringify(value));

function completionFoldedFrom(chunks: readonly Told[]): unknown {
  const content = chunks.reduce(
    (before, data) => chat.fold(before, { event: 'chat_completion', data, sequence: 1 }),
    chat.initial(),
  );
  expect(content.completions).toHaveLength(1);
  return asJson(content.completions[0]);
}

function messageFoldedFrom(events: readonly Told[]): unknown {
  const content = events.reduce(
    (before, data) => anthropic.fold(before, { event: 'anthropic_message', data, sequence: 1 }),
    anthropic.initial(),
  );
  expect(content.messages).toHaveLength(1);
  return asJson(content.messages[0]);
}

/** At each event, not at the end alone: there the provider sends all of it once more. */
function expectSameResponseThroughout(events: readonly Told[]): void {
  let content = responses.initial();
  for (const [index, expected] of [...responseAfterEach(asJson(events))].entries()) {
    content = responses.fold(content, { event: 'response', data: events[index], sequence: 1 });
    expect(content.responses).toHaveLength(1);
    expect(content.responses[0], `after event ${index}, ${events[index]?.type}`).toEqual(expected);
  }
}

describe('chat completions fold to the completion that OpenAI’s helper gives', () => {
  it.each(CHAT)('%s', async (name) => {
    expect(completionFoldedFrom(recording(name))).toEqual(await completionOf(recording(name)));
  });

  it('whatever was said, refused and called, in several choices at once', async () => {
    await checkedAsync(
      fc.asyncProperty(chatStream, async (chunks) => {
        expect(completionFoldedFrom(asJson(chunks))).toEqual(await completionOf(chunks));
      }),
      1_000,
    );
  });
});

describe('events of the Responses API fold to what OpenAI’s accumulator gives after each of them', () => {
  it.each(RESPONSES)('%s', (name) => {
    const events = recording(name);
    // The long one’s accumulator costs its square.
    expectSameResponseThroughout(
      events.length > 400 ? [...events.slice(0, 40), ...events.slice(-5)] : events,
    );
  });

  it('whatever items there are: messages, refusals, annotations, summaries, calls, questions for approval', () => {
    checked(
      fc.property(responseStream, (events) => expectSameResponseThroughout(asJson(events))),
      2_000,
    );
  });
});

describe('events of the Messages API fold to the message that Anthropic’s helper gives', () => {
  it.each(ANTHROPIC)('%s', async (name) => {
    expect(messageFoldedFrom(recording(name))).toEqual(await messageOf(recording(name)));
  });

  it('whatever blocks there are: text with citations, thinking, calls, results', async () => {
    await checkedAsync(
      fc.asyncProperty(anthropicStream, async (events) => {
        expect(messageFoldedFrom(asJson(events))).toEqual(await messageOf(events));
      }),
      2_000,
    );
  });
});
