/**
 * Wires the page: the conversation named in the address is opened and followed, what the user sends starts an answer
 * on it, and other tabs hear about both; the feed says how all the others stand. The address is the only thing a reload needs.
 */
import type { FeedEvent, InboxMessage, StreamEvent } from 'generation-jobs/client';
import { decide } from './asking/deciding.js';
import { initNotifying } from './asking/notifying.js';
import { byId } from './elements.js';
import {
  earlierTurns,
  listModels,
  type StartRequest,
  startAnswer,
  stopAnswer,
} from './following/chat-api.js';
import { Conversation } from './following/conversation.js';
import { ConversationLink } from './following/conversation-link.js';
import { complaintOf, RefusedError } from './following/failures.js';
import { FeedLink } from './following/feed-link.js';
import { type Answering, Messages } from './following/messages.js';
import { Queue, type Waiting } from './following/queue.js';
import { replicaChoice } from './following/replica-choice.js';
import { tryingAgain } from './following/trying-again.js';
import { ensureIdentity, randomName } from './identity.js';
import { ChatView, type Connection, type Shown } from './showing/chat-view.js';
import { Composer, type Message } from './showing/composer.js';
import { initDetails } from './showing/details-switch.js';
import { notifyOf } from './showing/feed-notices.js';
import { History, markOf } from './showing/history.js';
import { initRules } from './showing/rules-dialog.js';

declare global {
  interface Window {
    /** What the page holds, for tests. */
    chatState: () => object;
  }
}

let conversation: Conversation | undefined;
let link: ConversationLink | undefined;
let queue: Queue | undefined;
/** What was sent and isn't part of the conversation yet; once accepted, the generation that will bring it. */
let pending: { readonly text: string; readonly generation?: number } | undefined;
let problem = '';

ensureIdentity();
const otherTabs = new BroadcastChannel('generation-jobs-chat');
const history = new History({
  openId: () => conversation?.id,
  onNewChat: startNewChat,
  onDeleted: (id) => {
    if (id === conversation?.id) startNewChat();
  },
  onChange: () => {
    otherTabs.postMessage('');
    void refreshList();
  },
  onProblem: complain,
});
const messages = new Messages();
const composer = new Composer({
  onSend: (message) => void send(message),
  onSay: (text) => void say(text),
  onQueue: (message) => void sendWhenDone(message),
  onStop: () => void stop(),
});
const view = new ChatView(shown, {
  decide: (action, said) => decide(conversation?.id ?? '', action, said),
  onRetry: (text) => void send({ text, ...composer.choice }),
  onEdit: (text) => composer.edit(text),
  onChange: (message) => composer.edit(messages.change(message)),
  onTakeBack: (message) => void takeBack(message),
  onUnqueue: (message) => void unqueue(message),
  onMoveUp: (message) => void changeQueue((waiting) => waiting.moveUp(message)),
  onGoOn: () => void changeQueue((waiting) => waiting.goOn()),
  onTryNow: () => {
    tryingAgain.now();
    link?.wake();
  },
});

const feed = new FeedLink({ onChange: onFeed });

initDetails();
initRules(complain);
initNotifying(complain);
document.addEventListener('visibilitychange', see);
replicaChoice.onChange(() => view.schedule());
tryingAgain.onChange(() => view.schedule());
byId('switch-replica', HTMLButtonElement).addEventListener('click', switchReplica);
window.addEventListener('hashchange', openFromAddress);
otherTabs.addEventListener('message', ({ data }) => {
  if (data === conversation?.id) link?.wake();
  void refreshList();
});
for (const button of document.querySelectorAll<HTMLButtonElement>('#suggestions button')) {
  button.addEventListener('click', () =>
    composer.sendText(button.querySelector('b')?.textContent ?? '', button.value),
  );
}
window.chatState = () => ({
  conversationId: conversation?.id,
  generation: conversation?.lastTurn?.generation,
  text: conversation?.lastTurn?.content.text ?? '',
  status: conversation?.lastTurn?.status,
  turns:
    conversation?.turns.map(({ generation, status, content }) => ({
      generation,
      status,
      text: content.text,
      actions: content.actions,
    })) ?? [],
  cursor: conversation?.cursor ?? '',
  queued: queue?.waiting.map(({ text }) => text) ?? [],
  connection: connection(),
  replica: replicaChoice.current,
  problem,
});
openFromAddress();
void loadModels();

async function loadModels(): Promise<void> {
  try {
    composer.offer(await listModels());
  } catch (error) {
    complain(complaintOf('What can answer could not be asked for', error));
  }
}

function shown(): Shown {
  const [first] = conversation?.turns ?? [];
  const named = conversation && history.titleOf(conversation.id);
  return {
    conversation,
    queue,
    title: named || first?.content.prompt.slice(0, 80) || pending?.text.slice(0, 80) || 'New chat',
    mark: markOf(conversation?.lastTurn?.status),
    needsYou: feed.needsSomebody || conversation?.isAsking === true,
    connection: connection(),
    loss: tryingAgain.loss ?? link?.loss,
    pendingText: pending?.text,
    problem,
  };
}

// --- all conversations

/** The events behind which the list of conversations is another one. */
const LIST_EVENTS: ReadonlySet<FeedEvent['event']> = new Set([
  'sync',
  'started',
  'ended',
  'renamed',
  'removed',
]);

function onFeed(event: FeedEvent | undefined): void {
  history.mark(feed.streams);
  if (event === undefined || LIST_EVENTS.has(event.event)) void refreshList();
  if (event !== undefined) void notifyOf(event, (id) => history.titleOf(id));
  queue?.hearFeed(event, conversation && feed.streams.get(conversation.id));
  see();
  view.schedule();
}

/** What is on the screen has been seen. */
function see(): void {
  if (!document.hidden && conversation) void feed.see(conversation.id);
}

// --- which conversation

function addressedId(): string {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return '';
  }
}

function openFromAddress(): void {
  const id = addressedId();
  if (id === (conversation?.id ?? '')) return;
  open(id, true);
}

function startNewChat(): void {
  location.hash = '';
  composer.focus();
}

/** `isKnown`: there may be history and an answer under way; otherwise it has just begun, and all of it will come. */
function open(id: string, isKnown: boolean): void {
  link?.close();
  if (isKnown) pending = undefined;
  problem = '';
  conversation = id === '' ? undefined : new Conversation(id);
  queue = id === '' ? undefined : new Queue(id, changed);
  if (isKnown) void queue?.refresh();
  link = conversation && follow(conversation, isKnown);
  if (conversation && isKnown) void loadEarlierTurns(conversation);
  void refreshList();
  see();
  changed();
}

async function loadEarlierTurns(of: Conversation): Promise<void> {
  const turns = await earlierTurns(of.id).catch(() => null);
  of.addEarlier(turns ?? []);
  if (turns === null && of === conversation && of.turns.length === 0 && link?.state === 'idle') {
    problem = 'The server no longer knows this conversation. They are kept for a while only.';
  }
  changed();
}

async function refreshList(): Promise<void> {
  await history.refresh();
  view.schedule();
}

// --- following

function follow(followed: Conversation, resume: boolean): ConversationLink {
  return new ConversationLink(followed.id, resume, {
    onEvent: (event) => apply(followed, event),
    onState: (state) => {
      // A link rests only while nothing is expected: idle in mid-answer means that the stream is gone.
      if (state === 'idle') followed.loseAnswer();
      changed();
    },
    onBroken: (message) => complain(`The stream was broken and has been read anew. ${message}`),
    mayRest: () =>
      pending === undefined && followed.turns.length > 0 && !followed.isAnswering && !queue?.waiting.length,
  });
}

function apply(followed: Conversation, event: StreamEvent): void {
  try {
    followed.apply(event);
  } catch (error) {
    complain(String(error));
  }
  if (followed !== conversation) return;
  if (!followed.isAnswering && followed.waiting.length > 0) void handBack(followed);
  queue?.hear(event);
  // What came before a sync may include whole answers this page hasn't seen.
  if (event.event === 'sync') void loadEarlierTurns(followed);
  changed();
}

/** `done` hides nothing: with the answer complete, there is nothing the connection could still bring of it. */
function connection(): Connection {
  if (!link || !conversation) return 'ready';
  const { state } = link;
  if (state === 'closed' || state === 'idle') return 'done';
  if (state === 'live' && conversation.turns.length > 0 && !conversation.isAnswering) return 'done';
  return state;
}

// --- sending and stopping

async function send({ text, ...choice }: Message): Promise<void> {
  pending = { text };
  problem = '';
  changed();
  const conversationId = conversation?.id;
  const request: StartRequest = {
    text,
    idempotencyKey: randomName(),
    ...choice,
    ...(conversationId !== undefined && { conversationId }),
    expects: seen(conversation),
  };
  try {
    const started = await startAnswer(request);
    otherTabs.postMessage(started.conversationId);
    if (started.status !== 'queued' && pending && conversationId === conversation?.id) {
      pending = { text, generation: started.generation };
      goOnWith(started.conversationId);
    }
  } catch (error) {
    pending = undefined;
    composer.restore(text);
    if (error instanceof RefusedError && error.code === 'conflict') link?.wake();
    complain(complaintOf('The message was not sent', error));
  }
  void refreshList();
  changed();
}

/** Sends a message that is answered when the answer that is made is done; at once, if it is by now. */
async function sendWhenDone({ text, ...choice }: Message): Promise<void> {
  try {
    const started = await queue?.send({ text, idempotencyKey: randomName(), ...choice });
    if (started) otherTabs.postMessage(started.conversationId);
    if (started && started.status !== 'queued') link?.wake();
  } catch (error) {
    composer.restore(text);
    complain(complaintOf('The message was not sent', error));
  }
}

/** The newest answer on the screen: another tab may have gone on meanwhile, and is not to be answered over unread. */
function seen(shown: Conversation | undefined): StartRequest['expects'] {
  if (shown === undefined) return null;
  return shown.lastTurn && { generation: shown.lastTurn.generation };
}

function goOnWith(id: string): void {
  if (conversation?.id === id) {
    link?.wake();
    return;
  }
  open(id, false);
  window.history.pushState(null, '', `#${encodeURIComponent(id)}`);
}

/** The answer that is shown as being made. */
function answering(): Answering | undefined {
  const turn = conversation?.lastTurn;
  return conversation && turn && { streamId: conversation.id, generation: turn.generation };
}

/** Sends something to the answer that is being made: it waits there, and is shown where it takes effect. */
async function say(text: string): Promise<void> {
  const to = answering();
  if (to === undefined) return;
  await messages.send(to, text).catch((error: unknown) => {
    composer.restore(text);
    complain(complaintOf('The message was not sent', error));
  });
}

async function takeBack(message: InboxMessage): Promise<void> {
  const from = answering();
  if (from === undefined) return;
  await messages
    .takeBack(from, message)
    .catch((error: unknown) => complain(complaintOf('The message was not taken back', error)));
}

/** What is taken out of the queue comes back to where it was written. */
async function unqueue(message: Waiting): Promise<void> {
  await changeQueue(async (waiting) => {
    if (await waiting.takeBack(message)) composer.restore(message.text);
  });
}

async function changeQueue(change: (waiting: Queue) => Promise<void>): Promise<void> {
  if (queue === undefined) return;
  await change(queue).catch((error: unknown) => complain(complaintOf('The queue was not changed', error)));
}

/** What never took effect comes back to where it was written. */
async function handBack(ended: Conversation): Promise<void> {
  const of = answering();
  ended.waiting = [];
  if (of === undefined) return;
  const text = await messages.handedBack(of).catch(() => '');
  if (text !== '') composer.restore(text);
}

async function stop(): Promise<void> {
  const turn = conversation?.lastTurn;
  if (!conversation || !turn) return;
  await stopAnswer(conversation.id, turn.generation).catch((error: unknown) =>
    complain(`${complaintOf('The answer was not stopped', error)} Try again.`),
  );
}

/** In mid-answer too: the next replica goes on where the last one stood. */
function switchReplica(): void {
  replicaChoice.next();
  link?.reconnect();
  feed.reconnect();
  void refreshList();
}

function complain(message: string): void {
  problem = message;
  changed();
}

function changed(): void {
  const { generation: awaited = Infinity } = pending ?? {};
  if (conversation?.turns.some(({ generation }) => generation >= awaited)) pending = undefined;
  if (conversation?.isAsking) composer.setState(pending === undefined ? 'asking' : 'sending');
  else if (conversation?.isAnswering) composer.setState('answering');
  else composer.setState(pending === undefined ? 'ready' : 'sending');
  view.schedule();
}

byId('text', HTMLTextAreaElement).disabled = false;
composer.focus();
