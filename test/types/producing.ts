/** What a producer emits, starts with and ends with is the host's. */
import {
  failWith,
  fromTextStream,
  type GenerationJob,
  type HostEvent,
  type JobRecord,
  type QueuedRun,
} from 'generation-jobs';
import { fromAnthropic } from 'generation-jobs/anthropic';
import { fromChatCompletions } from 'generation-jobs/openai';
import { type Chat, type ChatTypes, same } from './chat.js';

declare const tokens: AsyncIterable<string>;
declare const events: AsyncIterable<HostEvent<ChatTypes>>;

export async function start(chat: Chat): Promise<void> {
  const result = await chat.createJob({
    streamId: 's-1',
    userId: 'ada',
    onConflict: 'join',
    created: { question: 'Why?' },
    metadata: { model: 'large' },
  });
  if (result.started) same<typeof result.job, GenerationJob<ChatTypes>>(true);
  else same<typeof result.job, undefined>(true);
  const { started, job } = result;
  if (started) await job.complete({ id: 'm-1', text: 'Because' });
  // @ts-expect-error who joined has no job
  else await job.complete();
  same<typeof result.record, JobRecord<ChatTypes>>(true);

  // @ts-expect-error of another shape
  await chat.createJob({ streamId: 's-1', userId: 'ada', created: { answer: 'Because' } });
  // @ts-expect-error of another kind
  await chat.createJob({ streamId: 's-1', userId: 'ada', metadata: { temperature: 'warm' } });
  // @ts-expect-error no such key
  await chat.createJob({ streamId: 's-1', userId: 'ada', metadata: { modell: 'large' } });
  // @ts-expect-error a misspelt policy
  await chat.createJob({ streamId: 's-1', userId: 'ada', onConflict: 'joins' });
  // @ts-expect-error whose is it?
  await chat.createJob({ streamId: 's-1' });
}

export async function enqueue(chat: Chat): Promise<void> {
  const result = await chat.createJob({
    ...{ streamId: 's-1', userId: 'ada', created: { question: 'And then?' } },
    onConflict: 'enqueue',
  });
  if (result.queued) same<typeof result.queued, QueuedRun>(true);
  else same<typeof result.record, JobRecord<ChatTypes>>(true);
  if (result.started) await result.job.complete({ id: 'm-2', text: 'Nothing.' });
  // @ts-expect-error what waits may have nothing before it
  else same<typeof result.record, JobRecord<ChatTypes>>(true);
}

export async function emit(job: GenerationJob<ChatTypes>): Promise<void> {
  await job.emit({ event: 'text', data: { delta: 'Be' } });
  await job.emit({ event: 'source', data: { url: 'https://example.com' }, keep: 'source' });
  await job.emit({ event: 'done_thinking', data: null });
  same<ReturnType<typeof job.tryEmit>, boolean>(true);
  job.tryEmit({ event: 'text', data: { delta: 'cause' } });

  // @ts-expect-error a misspelt name
  await job.emit({ event: 'txt', data: { delta: 'Be' } });
  // @ts-expect-error misspelt data
  await job.emit({ event: 'text', data: { dleta: 'Be' } });
  // @ts-expect-error data of another event
  await job.emit({ event: 'text', data: { url: 'https://example.com' } });
  // @ts-expect-error without data
  await job.emit({ event: 'text' });
  // @ts-expect-error a name of the library's own
  await job.emit({ event: 'completed', data: null });
  // @ts-expect-error a misspelt name
  job.tryEmit({ event: 'faild', data: { delta: 'Be' } });
}

interface Provided {
  readonly events: {
    readonly chat_completion: { readonly choices: readonly { readonly index: number }[] };
    readonly text: { readonly text: string };
  };
}
declare const chunks: AsyncIterable<{ readonly choices: readonly { readonly index: number }[] }>;

export async function pipeSources(job: GenerationJob<Provided>): Promise<void> {
  await job.pipe(fromChatCompletions(chunks));
  await job.pipe(
    fromChatCompletions(chunks, { keep: ({ choices }) => (choices.length > 0 ? { choices } : null) }),
  );
  await job.pipe(fromTextStream(tokens));
  await job.pipe([{ usage: { model: 'm', output_tokens: 4 } }, failWith({ code: 'c', message: 'm' }), null]);
  // @ts-expect-error its chunks are no data of the host's event
  await job.pipe(fromChatCompletions(chunks, { keep: ({ choices }) => choices.length }));
  // @ts-expect-error the events of another provider
  await job.pipe(fromAnthropic(events));
  // @ts-expect-error no stream of chunks
  await job.pipe(fromChatCompletions(tokens));
}

export async function pipe(job: GenerationJob<ChatTypes>): Promise<void> {
  await job.pipe(events);
  await job.pipe(tokens, (delta) => ({ event: 'text', data: { delta } }));
  await job.pipe(
    (signal) => {
      same<typeof signal, AbortSignal>(true);
      return tokens;
    },
    (token) => {
      same<typeof token, string>(true);
      if (token === '') return null;
      if (token === 'ERROR') return failWith({ code: 'model_failed', message: 'No more.', retryable: true });
      return [
        { event: 'text', data: { delta: token } },
        { event: 'done_thinking', data: null },
      ];
    },
  );

  // @ts-expect-error texts are no events
  await job.pipe(tokens);
  // @ts-expect-error misspelt data
  await job.pipe(tokens, (delta) => ({ event: 'text', data: { dleta: delta } }));
  // @ts-expect-error a misspelt name
  await job.pipe(tokens, (delta) => ({ event: 'txt', data: { delta } }));
}

export async function end(job: GenerationJob<ChatTypes>): Promise<void> {
  await job.update({ conversationId: 'c-1', metadata: { model: 'small', temperature: null } });
  // @ts-expect-error no such key
  await job.update({ metadata: { modell: 'small' } });
  const { reason } = await job.run(async (running) => {
    same<typeof running, GenerationJob<ChatTypes>>(true);
    await running.emit({ event: 'text', data: { delta: 'Be' } });
    // @ts-expect-error a misspelt name
    await running.emit({ event: 'txt', data: { delta: 'Be' } });
    return { id: 'm-1', text: 'Because' };
  });
  // @ts-expect-error a misspelt reason
  if (reason === 'faild') return;
  if (reason === 'failed') return;
  await job.complete({ id: 'm-1', text: 'Because' });
  await job.complete();
  await job.fail(new Error('no more'), { id: 'm-1', text: 'Be' });
  // @ts-expect-error no such message
  await job.complete('Because');
  // @ts-expect-error no such message
  await job.fail(new Error('no more'), { text: 'Be' });
}
