/** A chat of `ai` as a page holds one, without a page: its state in plain fields, its transport the caller's. */
import { AbstractChat, type ChatInit, type ChatState, type ChatStatus, type UIMessage } from 'ai';

class PlainState implements ChatState<UIMessage> {
  status: ChatStatus = 'ready';
  error: Error | undefined = undefined;
  messages: UIMessage[];

  constructor(messages: UIMessage[]) {
    this.messages = messages;
  }

  pushMessage = (message: UIMessage) => {
    this.messages = [...this.messages, message];
  };
  popMessage = () => {
    this.messages = this.messages.slice(0, -1);
  };
  replaceMessage = (index: number, message: UIMessage) => {
    this.messages = this.messages.with(index, message);
  };
  snapshot = <Thing>(thing: Thing): Thing => structuredClone(thing);
}

/** The release of `ai` whose chat it is. */
export type ChatRelease = Pick<typeof import('ai'), 'AbstractChat'>;

/** The chat of a release; that of the 7 line is typed as the 6 line's, of which the tests use nothing that differs. */
export function plainChatOf(release: ChatRelease) {
  return class extends release.AbstractChat<UIMessage> {
    constructor({ messages = [], ...init }: ChatInit<UIMessage>) {
      super({ ...init, state: new PlainState(messages) });
    }
  };
}

export class PlainChat extends plainChatOf({ AbstractChat }) {}

/** The text of a message's parts, joined as they follow each other. */
export function textOfMessage(message: UIMessage | undefined): string {
  return (message?.parts ?? []).flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('');
}

/** The tool calls of a message: name, state, and what else a test asks about. */
export function callsOfMessage(message: UIMessage | undefined) {
  return (message?.parts ?? []).flatMap((part) =>
    part.type.startsWith('tool-') && 'toolCallId' in part ? [part as ShownCall] : [],
  );
}

interface ShownCall {
  readonly type: string;
  readonly toolCallId: string;
  readonly state: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly errorText?: string;
  readonly approval?: { readonly id: string; readonly approved?: boolean; readonly reason?: string };
}
