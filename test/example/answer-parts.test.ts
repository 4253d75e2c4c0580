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
      case 'message':
        return `>${part.message.text}`;
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

it('a message stands where it took effect, behind the tools that were called there', () => {
  const sent = { event: 'message', data: { messageId: 'm', kind: 'steer', message: 'Shorter.' } };
  const events = [text('One.'), called('a'), sent, text('Two.'), asked('why?'), text('Three.')];
  expect(shown(folded(...events))).toEqual(['"One."', '[a…]', '>Shorter.', '"Two."', 'why?', '"Three."']);
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

it('texts that an agent names are changed where they stand, and taken back, and what stands behind them moves along', () => {
  const said = (id: string, words: string, more = {}) => ({
    event: 'text',
    data: { id, text: words, ...more },
  });
  const used = (id: string) => ({ event: 'tool', data: { id, name: id, state: 'running' } });
  const events = [
    said('1', 'One'),
    used('a'),
    said('2', 'Two'),
    used('b'),
    said('1', ' and more'),
    said('2', '2', { replace: true }),
    said('sub', 'Not shown', { parent: 'a' }),
    said('sub', 'Nor this', { parent: 'a', replace: true }),
    { event: 'tool', data: { id: 'a', output: 'x' } },
    said('3', 'Three'),
  ];
  const whole = folded(...events);
  expect(shown(whole)).toEqual(['"One and more"', '[a]', '"2"', '[b…]', '"Three"']);
  expect(whole.text).toBe('One and more2Three');
  const rest = foldContent(whole, { event: 'withdrawn', data: { ids: ['1', 'b'] } });
  expect(shown(rest)).toEqual(['[a]', '"2\\n\\nThree"']);
});

it('a status shows what keeps an agent busy until it is over', () => {
  const status = (state: string) => ({ event: 'status', data: { id: 's', text: 'preparing', state } });
  expect(folded(status('active')).status).toBe('preparing');
  expect(folded(status('active'), status('done')).status).toBe('');
});
