/**
 * The content of an agent that prints its work: the parts of one message in the order they came. Plain JSON, and the same
 * whichever agent it was.
 */

export interface MessageContent {
  /** The host's data to show the start, from the `created` event; survives a restart of the answer. */
  readonly created?: unknown;
  /** The parts, oldest first. */
  readonly parts: readonly MessagePart[];
}

/** One part of a message, told from the others by its `type`. */
export type MessagePart = TextPart | ReasoningPart | ToolPart | FilePart | StatusPart | SentPart;

export interface TextPart {
  /** Names the kind of part: text. */
  readonly type: 'text';
  /** The agent's own name for the piece; absent where it has none. */
  readonly id?: string;
  /** The text so far. */
  readonly text: string;
}

/** The thinking of a model, as far as it is shown. */
export interface ReasoningPart {
  /** Names the kind of part: reasoning. */
  readonly type: 'reasoning';
  /** The agent's own name for the piece; absent where it has none. */
  readonly id?: string;
  /** The text so far. */
  readonly text: string;
}

/** A call of a tool, or a sub-agent, which is a call with parts. */
export interface ToolPart {
  /** Names the kind of part: a call of a tool. */
  readonly type: 'tool';
  /** Names the call in its result. */
  readonly id: string;
  /** The name of the tool; empty while the agent has not said it. */
  readonly name: string;
  /** Says how far the call is: asked for or at work, done, or failed. */
  readonly state: 'running' | 'done' | 'failed';
  /** The JSON text of the input while a model writes it; absent once `input` is there. */
  readonly inputText?: string;
  /** The arguments of the call, whole. */
  readonly input?: unknown;
  /** Holds what the tool gave back, or has given so far. */
  readonly output?: unknown;
  /** Says what went wrong, of a call that failed. */
  readonly error?: string;
  /** Says that somebody was asked about this call, and what was decided. */
  readonly approval?: PartApproval;
  /** The parts of the sub-agent that the call runs, oldest first. At most 16 levels; what is deeper stands in the last. */
  readonly parts?: readonly MessagePart[];
}

export interface PartApproval {
  /** The action that asks, or asked. */
  readonly actionId: string;
  /** Absent while it is pending. */
  readonly decision?: string;
  /** Names who decided; absent while it is pending. */
  readonly by?: string;
  /** Says why, when it was said. */
  readonly reason?: string;
}

export interface FilePart {
  /** Names the kind of part: a file. */
  readonly type: 'file';
  /** The agent's own name for the file; absent where it has none. */
  readonly id?: string;
  /** The place of the file: a URL, a path of the agent's machine, or a `data:` URL. */
  readonly url: string;
  /** The media type, such as `image/png`, when it is known. */
  readonly mediaType?: string;
  /** The name to show, when there is one. */
  readonly name?: string;
}

/** A word on what keeps the agent busy, such as `preparing`; nothing of the answer. */
export interface StatusPart {
  /** Names the kind of part: a status. */
  readonly type: 'status';
  /** Names the status in the event that closes it. */
  readonly id: string;
  /** The word to show. */
  readonly text: string;
  /** Says whether it still goes on. */
  readonly state: 'active' | 'done';
}

/** A message that somebody sent while the answer was made, at the place where the agent took it. */
interface SentPart {
  /** Names the kind of part: a message that was sent. */
  readonly type: 'message';
  /** Names the message, as its sender was told. */
  readonly id: string;
  /** Says what the producer should do about it, such as `steer`. */
  readonly kind: string;
  /** Holds what was sent. */
  readonly message: unknown;
  /** Names who sent it, when that was said. */
  readonly by?: string;
}

type Writable<Part> = { -readonly [Field in keyof Part]: Part[Field] };

/** The same parts as a fold may change them: nobody else has its content. */
export type OwnPart = Writable<MessagePart>;
export type OwnTool = Omit<Writable<ToolPart>, 'parts'> & { parts?: OwnPart[] };
export type OwnContent = Omit<Writable<MessageContent>, 'parts'> & { parts: OwnPart[] };

/**
 * Joins the texts of a message: what a list of messages shows, or a search looks through. Parts are a blank line apart;
 * those of sub-agents, reasoning and statuses are left out.
 */
export function messageText({ parts }: Pick<MessageContent, 'parts'>): string {
  const texts = parts.flatMap((part) => (part.type === 'text' && part.text.trim() !== '' ? part.text : []));
  return texts.join('\n\n');
}
