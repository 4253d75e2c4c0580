/**
 * What `job.pipe` makes of a source: its items in order, its errors and those it only tells of as the job's end, and no
 * wait for one that has fallen silent.
 */
import { type AttemptEnd, failWith, type HostEvent, type PipeSource, type PipeStep } from 'generation-jobs';
import { text } from './follower.js';
import type { Contract, Harness, Replica } from './harness.js';
import { expect } from './tools.js';

interface Part {
  readonly type: string;
  readonly text?: string;
}

async function* partsOf(...parts: Part[]): AsyncGenerator<Part> {
  yield* parts;
}

async function namesOf(h: Harness, streamId = 's'): Promise<string[]> {
  return (await h.log(streamId)).map(({ event }) => event);
}

/** A source that yields once and then falls silent. */
function silent(onReturn: () => Promise<IteratorResult<HostEvent>>) {
  let isFirst = true;
  const next = (): Promise<IteratorResult<HostEvent>> => {
    if (!isFirst) return new Promise(() => {});
    isFirst = false;
    return Promise.resolve({ done: false, value: text(1) });
  };
  return { [Symbol.asyncIterator]: () => ({ next, return: onReturn }) };
}

/** Pipes, stops the job from outside, and says what `run` answered. */
async function stoppedWhile(
  h: Harness,
  replica: Replica,
  source: PipeSource<HostEvent>,
): Promise<AttemptEnd> {
  const job = await h.start(replica);
  const end = job.run(() => job.pipe(source));
  await h.rest();
  await replica.manager.abortJob('s');
  return h.soon(end);
}

export const pipeContracts: readonly Contract[] = [
  {
    id: 'L34 P4',
    title:
      'a stream that only tells of its error ends the job failed, with what its mapper says, and not completed',
    async run(h) {
      const replica = await h.replica();
      const failure = { code: 'overloaded', message: 'The model is busy.', retryable: true };
      const cause = new Error('529');
      const job = await h.start(replica);
      const read: string[] = [];
      const source = (async function* () {
        try {
          for (const type of ['text', 'ping', 'error', 'text']) {
            read.push(type);
            yield { type, text: type };
          }
        } finally {
          read.push('closed');
        }
      })();
      const end = await h.soon(
        job.run(() =>
          job.pipe(source, (part: Part) => {
            if (part.type === 'error') return failWith(failure, { cause });
            return part.type === 'text' ? [text(1), text(2)] : undefined;
          }),
        ),
      );
      expect(end).toMatchObject({ reason: 'failed', error: { ...failure, cause } });
      expect(read).toEqual(['text', 'ping', 'error', 'closed']);
      expect(await namesOf(h)).toEqual(['created', 'text', 'text', 'failed']);
      expect((await h.log()).at(-1)?.data).toEqual(failure);
      expect(replica.reports.map(({ where, error }) => [where, (error as Error).cause])).toEqual([
        ['producer', cause],
      ]);
    },
  },
  {
    id: 'L34',
    title: 'a mapper that throws closes its source and fails the job with what it threw',
    async run(h) {
      const replica = await h.replica();
      const job = await h.start(replica);
      const mistake = new TypeError('part.delta is undefined');
      const end = await h.soon(
        job.run(() =>
          job.pipe(partsOf({ type: 'text' }), () => {
            throw mistake;
          }),
        ),
      );
      expect(end).toEqual({ reason: 'failed', error: mistake });
      expect(await namesOf(h)).toEqual(['created', 'failed']);
    },
  },
  {
    id: 'L30 P3',
    title:
      'a stop is not waited for by a silent source: its return is called, and it is left when it does not answer either',
    async run(h) {
      const replica = await h.replica({ options: { sourceCloseMs: 50 } });
      let returned = 0;
      const source = silent(() => {
        returned++;
        return new Promise(() => {});
      });
      expect(await stoppedWhile(h, replica, source)).toEqual({ reason: 'aborted' });
      expect(returned).toBe(1);
      expect(replica.reports.map(({ where }) => where)).toEqual(['source']);
    },
  },
  {
    id: 'L30 P3',
    title:
      'a stop cancels a Web stream under way, and reaches a function source by its signal, also one that never opens',
    async run(h) {
      const replica = await h.replica({ options: { sourceCloseMs: 50 } });
      let cancelled = 0;
      const stream = new ReadableStream<HostEvent>({
        start: (controller) => controller.enqueue(text(1)),
        cancel: () => void cancelled++,
      });
      expect(await stoppedWhile(h, replica, stream)).toEqual({ reason: 'aborted' });
      expect([cancelled, stream.locked]).toEqual([1, true]);
      let given: AbortSignal | undefined;
      const end = await stoppedWhile(h, replica, (signal) => {
        given = signal;
        return new Promise(() => {});
      });
      expect(end).toEqual({ reason: 'aborted' });
      expect(given?.aborted).toBe(true);
      expect(replica.reports).toEqual([]);
    },
  },
  {
    id: 'L10 P1',
    title:
      'every kind of source is piped whole and in order: iterables, generators, Web streams, functions that open one',
    async run(h) {
      const replica = await h.replica();
      const items = Array.from({ length: 20 }, (_, n) => text(n));
      const sources = {
        array: items,
        generator: (async function* () {
          yield* items;
        })(),
        stream: new ReadableStream<HostEvent>({
          start(controller) {
            for (const item of items) controller.enqueue(item);
            controller.close();
          },
        }),
        opened: async () => items,
      };
      for (const [streamId, source] of Object.entries(sources)) {
        const job = await h.start(replica, { streamId });
        expect(await h.soon(job.run(() => job.pipe(source)))).toEqual({ reason: 'completed' });
        const log = await h.log(streamId);
        expect(log.slice(1, -1).map(({ data }) => data)).toEqual(items.map(({ data }) => data));
      }
    },
  },
  {
    id: 'L34',
    title:
      'without a mapper a source yields steps: events, what a call has used, nothing, and the failure that ends the job',
    async run(h) {
      const replica = await h.replica();
      const job = await h.start(replica);
      const failure = { code: 'overloaded', message: 'The model is busy.', retryable: true };
      const steps: PipeStep[] = [
        ...[text(1), { usage: { model: 'a', input_tokens: 3 } }, null, undefined],
        ...[{ usage: { model: 'b', input_tokens: 4 } }, text(2), failWith(failure), text(3)],
      ];
      const end = await h.soon(job.run(() => job.pipe(steps)));
      expect(end).toMatchObject({ reason: 'failed', error: failure });
      expect(await namesOf(h)).toEqual(['created', 'text', 'text', 'failed']);
      const record = await replica.manager.getJob('s');
      expect(record?.usage).toEqual({ input_tokens: 7 });
      expect(record?.usageEntries.map(({ model, calls }) => [model, calls])).toEqual([
        ['a', 1],
        ['b', 1],
      ]);
    },
  },
  {
    id: 'L34',
    title: 'a mapper answers with what a call has used as well, and usage that is none is refused',
    async run(h) {
      const replica = await h.replica();
      const job = await h.start(replica);
      const mapped = job.run(() => job.pipe([1, 2], (used) => [text(used), { usage: { tokens: used } }]));
      expect(await h.soon(mapped)).toEqual({ reason: 'completed' });
      expect((await replica.manager.getJob('s'))?.usage).toEqual({ tokens: 3 });
      const odd = await h.start(replica, { streamId: 'odd' });
      const refused = await h.soon(odd.run(() => odd.pipe([{ usage: { tokens: 'many' } }])));
      expect(refused).toMatchObject({ reason: 'failed', error: { code: 'invalid_argument' } });
    },
  },
  {
    id: 'L30 P3',
    title:
      'a stopped source says as it is closed what its call has used by then, and the job’s books take it',
    async run(h) {
      const replica = await h.replica();
      const usage = { model: 'a', input_tokens: 5 };
      const end = await stoppedWhile(
        h,
        replica,
        silent(async () => ({ done: true, value: { usage } })),
      );
      expect(end).toEqual({ reason: 'aborted' });
      const record = await replica.manager.getJob('s');
      expect(record?.usageEntries).toEqual([{ model: 'a', calls: 1, usage: { input_tokens: 5 } }]);
      expect(replica.reports).toEqual([]);
    },
  },
  {
    id: 'L16 P3',
    title: 'tryEmit takes an event while it may, is false once the job is over, and throws neither way',
    async run(h) {
      const replica = await h.replica();
      const job = await h.start(replica);
      expect(job.tryEmit(text(1))).toBe(true);
      expect(job.tryEmit({ event: 'completed', data: 1 })).toBe(false);
      expect(replica.reports.map(({ where }) => where)).toEqual(['emit']);
      await h.soon(job.complete());
      expect(job.tryEmit(text(2))).toBe(false);
      expect(replica.reports).toHaveLength(1);
      expect(await namesOf(h)).toEqual(['created', 'text', 'completed']);
    },
  },
];
