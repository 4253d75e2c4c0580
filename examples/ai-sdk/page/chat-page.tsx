/** The chat: what was said, what is asked, and a line to write in. Three places are there for the sake of answers that survive. */
import { Chat, useChat } from '@ai-sdk/react';
import {
  DefaultChatTransport,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  type UIMessage,
} from 'ai';
import { type FormEvent, useEffect, useState } from 'react';
import { MessageView } from './message-view.js';

const API = '/api/chat';
const RETRY_MS = 1000;

export function ChatPage({ id, messages: before }: { id: string; messages: UIMessage[] }) {
  // Made here and not by the hook: the hook of this line forgets that a resumed stream is told from its start.
  const [chat] = useState(
    () =>
      new Chat({
        id,
        messages: before,
        transport: new DefaultChatTransport({ api: API }),
        // 1. What was decided is sent by itself.
        sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
      }),
  );
  const { messages, status, error, sendMessage, stop, resumeStream, addToolApprovalResponse } = useChat({
    chat,
    resume: true,
  });

  // 2. The link broke, not the answer: go on with it.
  useEffect(() => {
    if (!(error instanceof TypeError)) return;
    const again = setTimeout(resumeStream, RETRY_MS);
    return () => clearTimeout(again);
  }, [error, resumeStream]);

  // 3. stop() only closes this page's connection, as a reload does. The route stops the answer.
  const stopAnswer = async () => {
    const last = messages.at(-1);
    const body = JSON.stringify(last?.role === 'assistant' ? { messageId: last.id } : {});
    await fetch(`${API}/${id}/stop`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    await stop();
  };

  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get('text') ?? '').trim();
    if (text === '') return;
    event.currentTarget.reset();
    void sendMessage({ text });
  };
  const isBusy = status === 'submitted' || status === 'streaming';

  return (
    <main>
      {messages.map((message) => (
        <MessageView key={message.id} message={message} onDecide={addToolApprovalResponse} />
      ))}
      <form onSubmit={send}>
        <input
          name="text"
          aria-label="Message"
          placeholder="Say “send a mail”, or anything else"
          autoComplete="off"
        />
        {isBusy ? (
          <button type="button" onClick={stopAnswer}>
            Stop
          </button>
        ) : (
          <button type="submit">Send</button>
        )}
      </form>
      <p role="status">{error === undefined ? status : error.message}</p>
    </main>
  );
}
