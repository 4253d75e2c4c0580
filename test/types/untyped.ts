/** Without types of the host's, every name, data, content and message is taken, and what comes is unknown. */
import {
  createStreamServices,
  defineContentModel,
  type GenerationJob,
  GenerationJobManager,
  type Hooks,
  type JobRecord,
  type ResumeState,
  type StreamEvent,
  type Subscription,
} from 'generation-jobs';
import { textContent } from 'generation-jobs/content';
import { createStreamHandler } from 'generation-jobs/web';
import { type Chat, type ChatTypes, same, show } from './chat.js';

const words = defineContentModel<{ count: number }>({
  name: 'words',
  initial: () => ({ count: 0 }),
  fold(content, { event, data }) {
    same<typeof event, string>(true);
    same<typeof data, unknown>(true);
    content.count++;
    return content;
  },
});

const hooks: Hooks = {
  describeEnd: (record, content) => ({ record, content }),
  settle: ({ content }) => same<typeof content, unknown>(true),
  recover: (job) => same<typeof job, GenerationJob>(true),
};

export const manager = new GenerationJobManager({
  ...createStreamServices(),
  contentModels: [words, textContent()],
  hooks,
});

export async function open(): Promise<void> {
  const result = await manager.createJob({
    streamId: 's-1',
    userId: 'ada',
    created: 'anything',
    metadata: { any: ['thing'] },
  });
  if (!result.started) return;
  const { job, record } = result;
  same<typeof record, JobRecord>(true);
  same<typeof record.metadata, Readonly<Record<string, unknown>>>(true);
  await job.emit({ event: 'anything', data: new Date() });
  await job.pipe([{ event: 'any', data: 1 }]);
  await job.pipe([1, 2], (number) => ({ event: 'number', data: number }));
  await job.update({ metadata: { any: null } });
  await job.run(() => 'anything');
  await job.complete({ any: 'thing' });
  // @ts-expect-error an event has a name
  await job.emit({ data: 1 });

  for await (const event of manager.subscribe('s-1')) {
    same<typeof event, StreamEvent>(true);
    same<typeof event.event, string>(true);
    same<typeof event.data, unknown>(true);
    if (event.event === 'whatever') show(event.cursor);
    // @ts-expect-error nobody has said what it is
    show(event.data.delta);
  }
  const state = await manager.getResumeState('s-1');
  same<typeof state, ResumeState | null>(true);
  same<NonNullable<typeof state>['content'], unknown>(true);
}

export const handler = createStreamHandler(manager, {
  authorize: () => ({ userId: 'ada' }),
  onResume: (job) => same<typeof job, GenerationJob>(true),
});

/** A job is passed on by its type without parameters. */
export function passOn(job: GenerationJob): Promise<void> {
  return job.emit({ event: 'text', data: { delta: '' } });
}

/** What knows no types takes what has some. */
export function passedOn(
  chat: Chat,
  job: GenerationJob<ChatTypes>,
  record: JobRecord<ChatTypes>,
  event: StreamEvent<ChatTypes>,
  state: ResumeState<ChatTypes>,
): unknown[] {
  const manager: GenerationJobManager = chat;
  const subscription: Subscription = chat.subscribe('s-1');
  const plainRecord: JobRecord = record;
  const plainEvent: StreamEvent = event;
  const plainState: ResumeState = state;
  return [manager, subscription, passOn(job), plainRecord, plainEvent, plainState];
}
