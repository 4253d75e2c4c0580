/**
 * The content of one answer, folded from its job events: on the server by the content model, so that a late client gets
 * it in one `sync`, and in the page for the events that follow. One function for both, or the two would drift apart.
 */

import { agentActivities, agentText } from './agent-activity.js';
import { type AskedAction, withAsked, withDecided } from './asked-action.js';
import { commandActivity, statusIn } from './command-activity.js';
import { type Activity, providerActivity } from './provider-activity.js';
import { field, providerText, text } from './provider-text.js';
import { type ToldPiece, withPiece } from './told-pieces.js';

export interface ToolUse {
  readonly id: string;
  readonly name: string;
  readonly detail: string;
  readonly isDone: boolean;
  /** Where it was called in the answer's text. Content that an earlier release kept doesn't say, as with `asked`. */
  readonly at?: number;
  /** How many actions had been asked before it was called. */
  readonly asked?: number;
}

/** What the user wrote while the answer was made, where it took effect. */
export interface SentMessage {
  readonly id: string;
  readonly text: string;
  readonly at: number;
  /** How many actions had been asked before it. */
  readonly asked: number;
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
  /** What a person was asked, oldest first, with what was decided. */
  actions: AskedAction[];
  /** Messages that were sent meanwhile, oldest first; absent in content that an earlier release kept. */
  messages?: SentMessage[];
  /** How many of the host's events are in it: where a producer that takes over goes on. */
  events: number;
  /** Of an agent that names its texts: where each stands. */
  pieces?: ToldPiece[];
  /** What keeps an agent busy before it says anything; empty once it has. */
  status?: string;
}

/** More tools (and breaks) than this are counted by nobody; the content stays small in every snapshot. */
const MOST_TOOLS = 100;

export function initialContent(): ChatContent {
  return { prompt: '', text: '', breaks: [], reasoning: '', tools: [], actions: [], events: 0 };
}

/** What stands when an answer is started over. */
export function restartedContent({ prompt }: ChatContent): ChatContent {
  return { ...initialContent(), prompt };
}

/** Changes and returns `content`. Events it doesn't know are as if they were not there. */
export function foldContent(content: ChatContent, event: { event: string; data: unknown }): ChatContent {
  const id = event.event === 'text' ? text(field(event.data, 'id')) : '';
  const piece = visibleText(event);
  if (id === '') content.text += piece;
  else if (piece !== '' || isWhole(event)) withPiece(content, { id, piece, replaces: isWhole(event) });
  const status = statusIn(event);
  if (status !== undefined) content.status = status;
  switch (event.event) {
    case 'created':
      content.prompt = text(field(field(event.data, 'created'), 'text'));
      break;
    case 'requires_action':
      content.actions = withAsked(content.actions, event.data, content.text.length);
      break;
    case 'resumed':
      content.actions = withDecided(content.actions, event.data);
      break;
    case 'message':
      withMessage(content, event.data);
      break;
    case 'rule_used':
      foldActivity(content, ruleActivity(event.data));
      break;
    case 'text':
      content.events++;
      break;
    case 'provider':
      content.events++;
      foldActivity(content, providerActivity(event.data));
      break;
    case 'withdrawn':
      withdraw(content, field(event.data, 'ids'));
      break;
    default:
      foldActivity(content, commandActivity(event));
      for (const activity of agentActivities(event)) foldActivity(content, activity);
  }
  return content;
}

/** What a host's event adds to the answer's text. */
export function visibleText({ event, data }: { event: string; data: unknown }): string {
  if (event === 'text') return field(data, 'parent') === undefined ? text(field(data, 'text')) : '';
  return event === 'provider' ? providerText(data) : agentText(event, data);
}

/** What was said before a message and after it are two paragraphs. */
function withMessage(content: ChatContent, data: unknown): void {
  const id = text(field(data, 'messageId'));
  if (id === '') return;
  const { length } = content.text;
  const message = { id, text: sentText(field(data, 'message')), at: length, asked: content.actions.length };
  content.messages = [...(content.messages ?? []), message];
  if (length > 0 && content.breaks.at(-1) !== length && content.breaks.length < MOST_TOOLS)
    content.breaks.push(length);
}

/** A call that nobody was asked about, because of what was allowed before. */
function ruleActivity(data: unknown): Activity {
  const [id, tool] = [text(field(data, 'callId')), text(field(data, 'tool'))];
  return { kind: 'tool', id: `rule-${id}`, name: tool, detail: 'allowed by a rule of yours', isDone: true };
}

/** The text of a message as this page sends it: a text alone. */
export function sentText(message: unknown): string {
  return typeof message === 'string' ? message : text(field(message, 'text'));
}

/** Takes back what an agent says does not count any more. */
function withdraw(content: ChatContent, ids: unknown): void {
  if (!Array.isArray(ids)) return;
  for (const id of ids.map(text))
    if (content.pieces?.some((one) => one.id === id)) withPiece(content, { id, piece: '', replaces: true });
  content.tools = content.tools.filter((tool) => !ids.includes(tool.id));
}

/** Of an event that tells a text: not one more piece of it. */
function isWhole({ data }: { data: unknown }): boolean {
  return field(data, 'replace') === true && field(data, 'parent') === undefined;
}

function foldActivity(content: ChatContent, activity: Activity | undefined): void {
  if (activity?.kind === 'reasoning') content.reasoning += activity.text;
  if (activity?.kind !== 'tool') return;
  const { length } = content.text;
  content.tools = withTool(content.tools, { ...activity, at: length, asked: content.actions.length });
  if (length > 0 && content.breaks.at(-1) !== length && content.breaks.length < MOST_TOOLS)
    content.breaks.push(length);
}

/** A call that is known keeps its place. */
function withTool(tools: readonly ToolUse[], said: Required<ToolUse>): ToolUse[] {
  const { id, name, detail, isDone, at, asked } = said;
  const known = tools.find((tool) => tool.id === id);
  if (!known) return [...tools, { id, name, detail, isDone, at, asked }].slice(0, MOST_TOOLS);
  const merged = {
    ...known,
    name: known.name || name,
    detail: detail || known.detail,
    isDone: known.isDone || isDone,
  };
  return tools.map((tool) => (tool === known ? merged : tool));
}
