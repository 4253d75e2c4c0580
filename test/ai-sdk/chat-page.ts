/** Pages: chats of a real `ai` as a browser holds them, without a browser. */
import type { ChatInit, ChatState, ChatStatus, UIMessage } from 'ai';

/** The release of the AI SDK that the pages have: 6, or 7, of which the tests use what both have. */
export type AI = Pick<
  typeof import('ai'),
  | 'AbstractChat'
  | 'DefaultChatTransport'
  | 'lastAssistantMessageIsCompleteWithApprovalResponses'
  | 'lastAssistantMessageIsCompleteWithToolCalls'
>;

export interface PageInput {
  readonly ai: AI;
  /** Where the routes of the chat are. */
  readonly api: string;
  readonly id?: string;
  readonly user?: string;
  readonly messages?: UIMessage[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly init?: Partial<ChatInit<UIMessage>>;
  /** Page posts its answers only when the test says so. */
  readonly byHand?: boolean;
}

export type Page = ReturnType<typeof openPage>;

/** Opens a page on a chat. Another one on the same chat is a second tab, or the page after a reload. */
export function openPage({ ai, api, user = 'ann', ...input }: PageInput) {
  const { id = 'chat-1', messages = [], headers = {}, init = {}, byHand = false } = input;
  const posts: { body: string; status: number }[] = [];
  class PageChat extends ai.AbstractChat<UIMessage> {
    /** Every POST the page has made, and how it was answered. */
    readonly posts = posts;
    get text() {
      return textIn(this.lastMessage);
    }
    get calls() {
      return callsIn(this.lastMessage);
    }
  }
  return new PageChat({
    id,
    transport: new ai.DefaultChatTransport({
      api,
      headers: { 'x-session': user, ...headers },
      fetch: async (url, sent) => {
        const response = await fetch(url, sent);
        if (sent?.method === 'POST') posts.push({ body: String(sent.body), status: response.status });
        return response;
      },
    }),
    ...(!byHand && {
      sendAutomaticallyWhen: (given: { messages: UIMessage[] }) =>
        ai.lastAssistantMessageIsCompleteWithApprovalResponses(given) ||
        ai.lastAssistantMessageIsCompleteWithToolCalls(given),
    }),
    ...init,
    state: stateOf(messages),
  });
}

function stateOf(messages: UIMessage[]): ChatState<UIMessage> {
  const state: ChatState<UIMessage> = {
    status: 'ready' as ChatStatus,
    error: undefined,
    messages: structuredClone(messages),
    pushMessage: (message) => {
      state.messages = [...state.messages, message];
    },
    popMessage: () => {
      state.messages = state.messages.slice(0, -1);
    },
    replaceMessage: (index, message) => {
      state.messages = state.messages.with(index, message);
    },
    snapshot: (thing) => structuredClone(thing),
  };
  return state;
}

/** The text of a message's parts, joined. */
function textIn(message: UIMessage | undefined): string {
  return (message?.parts ?? []).flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('');
}

export interface Call {
  readonly type: string;
  readonly toolCallId: string;
  readonly state: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly errorText?: string;
  readonly approval?: { readonly id: string; readonly approved?: boolean; readonly reason?: string };
}

/** The tool calls of a message. */
function callsIn(message: UIMessage | undefined): Call[] {
  return (message?.parts ?? []).filter((part) => 'toolCallId' in part) as unknown as Call[];
}

/** A message of a person. */
export function userMessage(text: string, id = 'user-1'): UIMessage {
  return { id, role: 'user', parts: [{ type: 'text', text }] };
}
