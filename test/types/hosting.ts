/** Hooks, content models, approvals and routes follow the host's types. */
import {
  type ContentModel,
  type Continuation,
  createStreamServices,
  defineContentModel,
  type GenerationJob,
  GenerationJobManager,
  type Hooks,
  type JobRecord,
} from 'generation-jobs';
import { createStreamHandler } from 'generation-jobs/web';
import { type Chat, type ChatContent, type ChatTypes, same, show } from './chat.js';

declare function save(id: string, text: string): Promise<void>;

export const content = defineContentModel<ChatContent, ChatTypes>({
  name: 'chat',
  initial: () => ({ text: '', sources: [] }),
  fold(folded, event) {
    switch (event.event) {
      case 'text':
        folded.text += event.data.delta;
        break;
      case 'source':
        folded.sources.push(event.data.url);
        break;
      case 'created':
        show(event.data.created?.question ?? '');
        break;
      // @ts-expect-error an end is no part of the content
      case 'completed':
        break;
      // @ts-expect-error a misspelt name
      case 'sorce':
        break;
    }
    return folded;
  },
});

export const hooks: Hooks<ChatTypes> = {
  describeEnd(record, folded, missing) {
    same<typeof folded, ChatContent | null>(true);
    same<typeof record, JobRecord<ChatTypes>>(true);
    show(`${record.metadata.model} ${missing?.from}`);
    return folded && { id: record.createId, text: folded.text };
  },
  async settle({ settlementId, content: folded, usage, signal }) {
    same<typeof signal, AbortSignal>(true);
    show(`${usage.output_tokens}`);
    await save(settlementId, folded?.text ?? '');
    // @ts-expect-error no such content
    show(folded.parts);
  },
  async recover(job, continuation) {
    same<typeof job, GenerationJob<ChatTypes>>(true);
    same<typeof continuation, Continuation<ChatTypes>>(true);
    await job.emit({ event: 'text', data: { delta: continuation.content?.text ?? '' } });
    // @ts-expect-error a misspelt name
    await job.emit({ event: 'txt', data: { delta: '' } });
  },
  recoverMode: (record) => (record.metadata.model === 'large' ? 'restart' : 'continue'),
  beforeResolve: ({ record, decisions }) => record.metadata.model === 'large' && decisions.length > 0,
  publicMetadata: ({ metadata }) => ({ model: metadata.model ?? null }),
  onDeleted: (record) => show(record.metadata.model ?? ''),
};

export const wrong: Hooks<ChatTypes> = {
  // @ts-expect-error no such message
  describeEnd: () => ({ text: 'no id' }),
  // @ts-expect-error a misspelt mode
  recoverMode: 'restarts',
};

/** The types are named once; everything the manager is given is held to them. */
export const chat: Chat = new GenerationJobManager<ChatTypes>({
  ...createStreamServices(),
  contentModels: [content],
  hooks,
});

declare const otherContent: ContentModel<{ parts: string[] }, ChatTypes>;
// @ts-expect-error a model of other content
new GenerationJobManager<ChatTypes>({ ...createStreamServices(), contentModels: [otherContent] });

export async function decide(): Promise<void> {
  const { job, continuation } = await chat.approvals.resolve('s-1', {
    actionId: 'a-1',
    decisions: [{ id: 'call-1', decision: 'approve' }],
    by: 'ada',
  });
  same<typeof job, GenerationJob<ChatTypes>>(true);
  same<typeof continuation.content, ChatContent | null>(true);
  same<typeof continuation.record.metadata.model, string | undefined>(true);
  await job.emit({ event: 'text', data: { delta: 'Done' } });
  // @ts-expect-error a misspelt name
  await job.emit({ event: 'txt', data: { delta: 'Done' } });
  await chat.approvals.resolve('s-1', {
    actionId: 'a-1',
    // @ts-expect-error a misspelt decision
    decisions: [{ id: 'call-1', decision: 'aprove' }],
    by: 'ada',
  });
}

export const handler = createStreamHandler(chat, {
  authorize: (request) => ({ userId: request.headers.get('x-user') ?? '' }),
  onResume(job, continuation, request) {
    same<typeof job, GenerationJob<ChatTypes>>(true);
    same<typeof continuation.content, ChatContent | null>(true);
    same<typeof request, Request>(true);
    return job.run((running) => running.emit({ event: 'text', data: { delta: 'On' } }));
  },
});
