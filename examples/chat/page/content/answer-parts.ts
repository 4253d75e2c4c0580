/**
 * An answer as it is shown: text, the tools that were called in it, and what it asked, each where it happened. Parts are
 * added at the end, or the last text grows; there is always a last text, though it may be empty.
 */
import type { AskedAction } from './asked-action.js';
import type { ChatContent, SentMessage, ToolUse } from './chat-content.js';

export type AnswerPart =
  | { readonly kind: 'text'; readonly key: string; readonly text: string }
  /** Calls with no text between them. */
  | { readonly kind: 'tools'; readonly key: string; readonly tools: readonly ToolUse[] }
  | { readonly kind: 'message'; readonly key: string; readonly message: SentMessage }
  | { readonly kind: 'action'; readonly key: string; readonly asked: AskedAction };

/** A part keeps its key while the answer grows. */
export function partsOf(content: ChatContent): AnswerPart[] {
  const { actions, text: whole } = content;
  const parts = Array.from({ length: actions.length + 1 }, (_, count) => {
    const start = actions[count - 1]?.at ?? 0;
    const asked = actions[count];
    const stretch = stretchOf(content, count, { start, end: asked?.at ?? whole.length });
    return asked
      ? [...stretch, { kind: 'action', key: `action ${asked.action.actionId}`, asked } satisfies AnswerPart]
      : stretch;
  }).flat();
  const last = parts.at(-1);
  if (last?.kind === 'text') return parts;
  return [...parts, { kind: 'text', key: `text ${actions.length} ${whole.length}`, text: '' }];
}

/** What stands between two actions; `count` of them had been asked before. */
function stretchOf(
  content: ChatContent,
  count: number,
  { start, end }: { start: number; end: number },
): AnswerPart[] {
  const tools = content.tools.filter(({ asked = 0 }) => asked === count);
  const messages = (content.messages ?? []).filter(({ asked }) => asked === count);
  const places = [...new Set([...tools, ...messages].map(({ at = start }) => at))].sort((a, b) => a - b);
  const textBetween = (from: number, to: number): AnswerPart[] => {
    const text = paragraphs(content, from, to);
    return text === '' ? [] : [{ kind: 'text', key: `text ${count} ${from}`, text }];
  };
  return [
    ...textBetween(start, places[0] ?? end),
    ...places.flatMap((place, index): AnswerPart[] => [
      ...toolsAt(
        tools.filter(({ at = start }) => at === place),
        `tools ${count} ${place}`,
      ),
      ...messages
        .filter(({ at }) => at === place)
        .map((message): AnswerPart => ({ kind: 'message', key: `message ${message.id}`, message })),
      ...textBetween(place, places[index + 1] ?? end),
    ]),
  ];
}

function toolsAt(tools: readonly ToolUse[], key: string): AnswerPart[] {
  return tools.length === 0 ? [] : [{ kind: 'tools', key, tools }];
}

/** What was said before a tool was used and after it are two paragraphs, though the text has nothing between them. */
function paragraphs({ text, breaks }: ChatContent, from: number, to: number): string {
  const places = [from, ...breaks.filter((place) => place > from && place < to), to];
  return places
    .slice(1)
    .map((place, index) => text.slice(places[index], place))
    .join('\n\n');
}
