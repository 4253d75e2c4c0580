/** Opens the chat that the address names, or a new one: so a reload and a second tab find the answer that is being made. */
import type { UIMessage } from 'ai';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ChatPage } from './chat-page.js';
import './style.css';

const id = location.hash.slice(1) || crypto.randomUUID();
location.hash = id;

const saved = await fetch(`/api/chat/${id}/messages`);
const messages: UIMessage[] = saved.ok ? await saved.json() : [];
const root = document.getElementById('root');
if (root)
  createRoot(root).render(
    <StrictMode>
      <ChatPage id={id} messages={messages} />
    </StrictMode>,
  );
