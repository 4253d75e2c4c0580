/** What a follower receives is narrowed by its name. */
import type {
  GenerationJobManager,
  InboxMessage,
  PublicAction,
  PublicState,
  ResumeState,
  StreamEvent,
} from 'generation-jobs';
import {
  type Chat,
  type ChatContent,
  type ChatTypes,
  type Message,
  never,
  same,
  show,
  showFailure,
} from './chat.js';

/** Each event by its name, and nothing left over. */
export async function follow(chat: Chat): Promise<void> {
  for await (const event of chat.subscribe('s-1', { after: '1-7' })) {
    same<typeof event, StreamEvent<ChatTypes>>(true);
    show(event.cursor);
    switch (event.event) {
      case 'text':
        same<typeof event.data, { delta: string }>(true);
        // @ts-expect-error that is of another event
        show(event.data.url);
        break;
      case 'source':
        same<typeof event.data.title, ChatTypes['events']['source']['title']>(true);
        break;
      case 'done_thinking':
        same<typeof event.data, null>(true);
        break;
      case 'created':
        same<typeof event.data.created, { question: string } | null>(true);
        break;
      case 'requires_action':
        same<typeof event.data.action, PublicAction>(true);
        break;
      case 'resumed':
        show(event.data.by);
        break;
      case 'recovered':
        same<typeof event.data.restart, boolean>(true);
        break;
      case 'completed':
        same<typeof event.data.final, Message | null | undefined>(true);
        break;
      case 'failed':
        showFailure(event.data);
        same<typeof event.data.final, Message | null | undefined>(true);
        break;
      case 'aborted':
        same<typeof event.data.code, 'aborted' | 'replaced' | 'expired'>(true);
        break;
      case 'settled':
        same<typeof event.data.state, 'open' | 'settling' | 'settled' | 'set_aside'>(true);
        break;
      case 'sync':
        same<typeof event.data, PublicState<ChatTypes>>(true);
        same<typeof event.data.content, ChatContent | null>(true);
        break;
      case 'updated':
        same<typeof event.data.revision, number>(true);
        break;
      case 'message':
        same<typeof event.data.messageId, string>(true);
        break;
      case 'inbox':
        same<typeof event.data.messages, readonly InboxMessage[]>(true);
        break;
      case 'queued':
        same<typeof event.data.position, number>(true);
        break;
      case 'gap':
        show(event.data.requested);
        break;
      case 'gone':
        show(event.data.streamId);
        break;
      // @ts-expect-error a misspelt name
      case 'faild':
        break;
      default:
        never(event);
    }
  }
}

/** `next` of the iterator gives the same events, and nothing at the end. */
export async function next(chat: Chat): Promise<string | undefined> {
  const { value, done } = await chat.subscribe('s-1').next();
  if (done) return value;
  return value.event === 'text' ? value.data.delta : undefined;
}

/** A resume state knows the content and the metadata; the state for clients only what the host shows of the latter. */
export async function resume(chat: Chat): Promise<void> {
  const { state, subscription } = await chat.subscribeWithResume('s-1', { userId: 'ada' });
  same<typeof state, ResumeState<ChatTypes>>(true);
  same<typeof state.content, ChatContent | null>(true);
  same<typeof state.metadata.model, string | undefined>(true);
  // @ts-expect-error no such key in the metadata
  show(state.metadata.modell);
  for await (const event of subscription) if (event.event === 'source') show(event.data.url);

  const resumed = await chat.getResumeState('s-1');
  same<typeof resumed, ResumeState<ChatTypes> | null>(true);
  const shown = await chat.getPublicState('s-1');
  same<typeof shown, PublicState<ChatTypes> | null>(true);
  // @ts-expect-error what the hook `publicMetadata` makes of it has no shape that is known here
  show(shown?.metadata.model);
}

/** Records and results of calls know the metadata and the content as well. */
export async function records(chat: Chat): Promise<void> {
  const record = await chat.getJob('s-1');
  same<NonNullable<typeof record>['metadata']['temperature'], number | undefined>(true);
  const [first] = await chat.listActiveJobs({ userId: 'ada' });
  same<NonNullable<typeof first>['metadata']['model'], string | undefined>(true);
  const { content, record: ended } = await chat.abortJob('s-1', { by: 'ada', reason: 'enough' });
  same<typeof content, ChatContent | null>(true);
  same<typeof ended.metadata.model, string | undefined>(true);
}

/** What is annotated is of the host's own types: its metadata, and its events in the notes. */
export async function annotations(chat: Chat): Promise<void> {
  const source = { key: 'main', event: 'source', data: { url: 'x' } } as const;
  const record = await chat.annotate('s-1', { metadata: { model: 'm', temperature: null }, notes: [source] });
  same<typeof record.metadata.model, string | undefined>(true);
  await chat.annotate('s-1', { notes: [{ ...source, data: null }] });
  // @ts-expect-error no such key in the metadata
  await chat.annotate('s-1', { metadata: { modell: 'm' } });
  // @ts-expect-error no such event
  await chat.annotate('s-1', { notes: [{ ...source, event: 'sauce' }] });
  // @ts-expect-error the data of another event
  await chat.annotate('s-1', { notes: [{ ...source, data: { delta: 'x' } }] });
}

/** A manager of any types can be given to a function that knows none, such as one that drains or lists. */
export async function anyManager(chat: Chat): Promise<void> {
  const drain = async <Types extends object>(manager: GenerationJobManager<Types>) => manager.drain();
  await drain(chat);
}
