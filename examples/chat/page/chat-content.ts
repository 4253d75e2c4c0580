/**
 * The content of one answer, folded from its job events: on the server by the content model, so that a late client gets
 * it in one `sync`, and in the page for the events that follow. One function for both, or the two would drift apart.
 */
import { providerActivity } from './provider-activity.js';
import { field, providerText, text } from './provider-text.js';

interface ToolUse {
  readonly id: string;
  readonly name: string;
  readonly detail: string;
  readonly isDone: boolean;
}

export interface ChatContent {
  /** What the user wrote. */
  prompt: string;
  /** The answer's visible text so far. */
  text: string;
  /** Where in the text a tool was used: what was said before it and after it are two paragraphs. */
  breaks: number[];
  reasoning: string;
  tools: ToolUse[];
  /** How many of the provider's events are in it: where a producer that takes over goes on. */
  events: number;
}

/** More tools (and breaks) than this are counted by nobody; the content stays small in every snapshot. */
const MOST_TOOLS = 100;

export function initialContent(): ChatContent {
  return { prompt: '', text: '', breaks: [], reasoning: '', tools: [], events: 0 };
}

/** What stands when an answer is started over. */
export function restartedContent({ prompt }: ChatContent): ChatContent {
  return { ...initialContent(), prompt };
}

/** Changes and returns `content`. Events it doesn't know are as if they were not there. */
export function foldContent(content: ChatContent, event: { event: string; data: unknown }): ChatContent {
  if (event.event === 'created') content.prompt = text(field(field(event.data, 'created'), 'text'));
  if (event.event === 'provider') foldProviderEvent(content, event.data);
  return content;
}

function foldProviderEvent(content: ChatContent, event: unknown): void {
  content.events++;
  content.text += providerText(event);
  const activity = providerActivity(event);
  if (activity?.kind === 'reasoning') content.reasoning += activity.text;
  if (activity?.kind !== 'tool') return;
  content.tools = withTool(content.tools, activity);
  const { length } = content.text;
  if (length > 0 && content.breaks.at(-1) !== length && content.breaks.length < MOST_TOOLS)
    content.breaks.push(length);
}

/** The text as paragraphs around the tools, for showing; the answer itself is `text`, untouched. */
export function shownText({ text: whole, breaks }: Pick<ChatContent, 'text' | 'breaks'>): string {
  const starts = [0, ...breaks];
  return starts.map((start, index) => whole.slice(start, starts[index + 1])).join('\n\n');
}

function withTool(tools: readonly ToolUse[], { id, name, detail, isDone }: ToolUse): ToolUse[] {
  const known = tools.find((tool) => tool.id === id);
  if (!known) return [...tools, { id, name, detail, isDone }].slice(0, MOST_TOOLS);
  const merged = {
    id,
    name: known.name || name,
    detail: detail || known.detail,
    isDone: known.isDone || isDone,
  };
  return tools.map((tool) => (tool === known ? merged : tool));
}
