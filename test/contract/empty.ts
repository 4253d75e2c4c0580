/**
 * Whether a generation came to anything: what the content model says of it, for who stops it and for who saves it.
 */
import { type ContentModel, defineContentModel, type GenerationJob, type Hooks } from 'generation-jobs';
import { graphContent, textContent } from 'generation-jobs/content';
import { text } from './follower.js';
import type { Contract, Replica } from './harness.js';
import { expect } from './tools.js';

type Ended = Parameters<NonNullable<Hooks['settle']>>[0];

const failing = defineContentModel<{ pieces: number }>({
  name: 'failing',
  initial: () => ({ pieces: 0 }),
  fold: (content) => content,
  isEmpty() {
    throw new Error('isEmpty');
  },
});
/** Answers that are neither true nor false: a promise would count as true. */
const NO_ANSWERS: Readonly<Record<string, () => unknown>> = {
  late: async () => true,
  rejecting: async () => {
    throw new Error('isEmpty');
  },
  text: () => 'no',
  nothing: () => undefined,
};
const answering = Object.entries(NO_ANSWERS).map(([name, isEmpty]) => ({
  ...{ name, isEmpty, initial: () => null, fold: (content: null) => content },
}));
/** A model of a host that does not say. */
const silent = defineContentModel<null>({ name: 'silent', initial: () => null, fold: (content) => content });
const contentModels = [textContent(), graphContent(), failing, silent] as unknown as ContentModel<never>[];

const signIn = {
  event: 'on_run_step',
  data: {
    id: 'step-1',
    index: 0,
    stepDetails: { type: 'tool_calls', tool_calls: [{ id: 'c', name: 'mail', args: '' }] },
  },
};
const prompt = {
  event: 'on_run_step_delta',
  data: {
    id: 'step-1',
    delta: {
      type: 'tool_calls',
      tool_calls: [{ index: 0, id: 'c', args: '' }],
      auth: 'https://example.org/sign-in',
      expires_at: 5,
    },
  },
};
const completed = {
  event: 'on_run_step_completed',
  data: {
    result: {
      id: 'step-1',
      index: 0,
      tool_call: { id: 'c', name: 'mail', args: '{}', output: 'sent', progress: 1 },
    },
  },
};

/** What was emitted under which model, and whether it came to nothing. */
const STOPPED: readonly [contentModel: string | undefined, events: readonly object[], isEmpty: boolean][] = [
  ['text', [], true],
  ['text', [text(' '), text('\n')], true],
  ['text', [{ event: 'note', data: 1 }], true],
  ['text', [text(' a')], false],
  ['graph', [signIn, prompt], true],
  ['graph', [signIn, prompt, completed], false],
  ['silent', [], true],
  ['silent', [text('a')], false],
  [undefined, [], true],
  [undefined, [text(' ')], false],
  ['failing', [text('a')], false],
];

export const emptyContracts: readonly Contract[] = [
  {
    id: 'L71',
    title: 'a content model that answers with a promise, or with anything but true or false, says nothing',
    async run(h) {
      const settled = new Map<string, boolean>();
      const replica = await h.replica({
        contentModels: answering as unknown as ContentModel<never>[],
        hooks: { settle: ({ record, isEmpty }) => void settled.set(record.streamId, isEmpty) },
      });
      for (const { name } of answering) {
        await h.start(replica, { streamId: name, contentModel: name });
        expect((await replica.manager.abortJob(name)).isEmpty, name).toBe(false);
        await h.until(() => settled.has(name), 'settlement');
        expect(settled.get(name), name).toBe(false);
        const told = replica.reports.splice(0).map(({ where, error }) => [where, String(error)]);
        const refused = ['contentModel', 'TypeError: isEmpty must answer true or false, and at once.'];
        expect(told, name).toEqual([refused, refused]);
      }
    },
  },
  {
    id: 'L71',
    title: 'who stops a run and who saves it are told alike whether it came to nothing',
    async run(h) {
      const settled = new Map<string, Ended>();
      const settle = (ended: Ended) => void settled.set(ended.record.streamId, ended);
      const [one, two] = await h.two({ contentModels, hooks: { settle, onError: () => {} } });
      for (const [index, [contentModel, events, isEmpty]] of STOPPED.entries()) {
        const streamId = `s${index}`;
        const job = await h.start(one, { streamId, contentModel });
        for (const event of events) job.emit(event as never);
        await job.flush();
        const what = `${contentModel}: ${JSON.stringify(events)}`;
        expect((await two.manager.abortJob(streamId)).isEmpty, what).toBe(isEmpty);
        await h.until(() => settled.has(streamId), 'settlement');
        expect(settled.get(streamId)?.isEmpty, what).toBe(isEmpty);
        expect((await one.manager.abortJob(streamId)).isEmpty, `${what}, asked again`).toBe(isEmpty);
      }
    },
  },
  {
    id: 'L71',
    title: 'a run that ends with a final message of its own is not empty, whatever its content',
    async run(h) {
      const settled = new Map<string, boolean>();
      const replica = await h.replica({
        hooks: { settle: ({ record, isEmpty }) => void settled.set(record.streamId, isEmpty) },
      });
      const ends: Readonly<Record<string, [(job: GenerationJob) => Promise<void>, boolean]>> = {
        'with-a-final': [(job) => job.complete({ text: 'all of it' }), false],
        'with-none': [(job) => job.complete(), true],
        'failed-with-a-final': [(job) => job.fail({ code: 'x', message: 'x' }, 'half'), false],
        failed: [(job) => job.fail({ code: 'x', message: 'x' }), true],
      };
      for (const [streamId, [end, isEmpty]] of Object.entries(ends)) {
        await end(await start(replica, streamId));
        await h.until(() => settled.has(streamId), 'settlement');
        expect(settled.get(streamId), streamId).toBe(isEmpty);
      }
    },
  },
];

async function start({ manager }: Replica, streamId: string): Promise<GenerationJob> {
  const result = await manager.createJob({ streamId, userId: 'u', contentModel: 'text' });
  if (!result.started) throw new Error('The job was not started.');
  return result.job;
}
