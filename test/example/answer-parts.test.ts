/** What an answer adds up to on the screen: text, tools and questions, each where it happened. */
import { expect, it } from 'vitest';
import { type AnswerPart, partsOf } from '../../examples/chat/page/content/answer-parts.js';
import {
  type ChatContent,
  foldContent,
  initialContent,
} from '../../examples/chat/page/content/chat-content.js';
import { recordedEvents } from '../support/chat-client.js';

function folded(...events: { event: string; data: unknown }[]): ChatContent {
  return events.reduce<ChatContent>(foldContent, initialContent());
}

const text = (words: string) => ({ event: 'text', data: { text: words } });
const called = (id: string) => ({
  event: 'provider',
  data: { type: 'response.output_item.added', item: { type: 'function_call', id, name: id } },
});
const returned = (id: string) => ({
  event: 'provider',
  data: { type: 'response.output_item.done', item: { type: 'function_call', id, name: id } },
});
const asked = (actionId: string) => ({ event: 'requires_action', data: { action: { actionId } } });

/** As short words: text in quotes, tools in brackets, a question with its id. */
function shown(content: ChatContent): string[] {
  return partsOf(content).map((part) => {
    switch (part.kind) {
      case 'text':
        return JSON.stringify(part.text);
      case 'tools':
        return `[${part.tools.map(({ name, isDone }) => `${name}${isDone ? '' : '…'}`)}]`;
      case 'action':
        return part.asked.action.actionId;
      default:
        return part satisfies never;
    }
  });
}

it('tools stand where they were called, and those with no text between them stand together', () => {
  const events = [
    called('a'),
    text('One.'),
    called('b'),
    called('c'),
    returned('b'),
    text('Two.'),
    returned('c'),
  ];
  expect(shown(folded(...events))).toEqual(['[a…]', '"One."', '[b,c]', '"Two."']);
});

it('a tool called before a question and one called after it keep their places, though no text parts them', () => {
  const events = [text('Hm.'), called('before'), asked('why?'), called('after'), returned('before')];
  expect(shown(folded(...events))).toEqual(['"Hm."', '[before]', 'why?', '[after…]', '""']);
});

it('parts keep their keys while an answer grows, and all of its text is in them', () => {
  const recording = recordedEvents('anthropic.code-execution').map((data) => ({ event: 'provider', data }));
  const content = initialContent();
  let before: string[] = [];
  for (const event of recording) {
    foldContent(content, event);
    const parts = partsOf(content);
    const keys = parts.map(({ key }) => key);
    // The last text may still give its place to a tool that is called before anything is written.
    expect(keys).toEqual(expect.arrayContaining(before.slice(0, -1)));
    expect(new Set(keys).size).toBe(keys.length);
    before = keys;
  }
  const texts = partsOf(content).flatMap((part: AnswerPart) => (part.kind === 'text' ? part.text : []));
  expect(texts.join('').replaceAll('\n\n', '')).toBe(content.text.replaceAll('\n\n', ''));
});

it('content that an earlier release kept has its tools at the beginning, and all of its text', () => {
  const tools = [{ id: 'a', name: 'search', detail: '', isDone: true }];
  const content = { ...initialContent(), text: 'One.Two.', breaks: [4], tools };
  expect(shown(content)).toEqual(['[search]', '"One.\\n\\nTwo."']);
});
