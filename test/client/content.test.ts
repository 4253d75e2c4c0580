/**
 * Content folded on in the page: what a `sync` had and the events after it come to the same as all events, and to what the
 * server itself folds.
 */
import fc from 'fast-check';
import { isReservedEvent } from 'generation-jobs';
import { createStreamClient } from 'generation-jobs/client';
import { type ContentModel, graphContent, messageContent, textContent } from 'generation-jobs/content';
import { describe, expect, it } from 'vitest';
import { generationAfter, NOTHING_KNOWN } from '../../src/client/followed-generation.js';
import { Fold } from '../../src/stream/model/fold.js';
import { seededRandom } from '../contract/seeded.js';
import { serve } from '../http/serving.js';
import { run } from '../unit/graph-content.generator.js';
import { checked } from '../unit/property.js';
import { ANN, followed } from './tools.js';

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`content in the page: TEST_SEED=${seed}`);

const QUICK = { routes: { retryMs: 10 } } as const;

const said = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ event: fc.constant('text'), data: fc.record({ text: fc.string() }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      event: fc.constant('tool'),
      data: fc.record({ id: fc.constantFrom('a', 'b'), outputText: fc.string() }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ event: fc.constant('created'), data: fc.constant({ created: 'hi' }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ event: fc.constant('recovered'), data: fc.record({ restart: fc.boolean() }) }),
  },
  { weight: 1, arbitrary: fc.record({ event: fc.constant('unknown'), data: fc.jsonValue() }) },
);
type Said = { readonly event: string; readonly data: unknown };

/** As the server does, from `created` on. */
function foldedByServer(model: ContentModel, events: readonly Said[]): unknown {
  const fold = new Fold(model);
  for (const [at, { event, data }] of events.entries())
    fold.add({ event, data: JSON.stringify(data), sequence: at + 1, attempt: 1 });
  return JSON.parse(JSON.stringify(fold.content));
}

const knownAfter = (before: typeof NOTHING_KNOWN, model: ContentModel, said: Said, sequence: number) =>
  generationAfter(before, model, { ...said, generation: 1, sequence });

describe('the fold of the page', () => {
  it.each([
    ['text', textContent() as ContentModel],
    ['message', messageContent() as ContentModel],
  ])('comes to the same as the server’s, from the start and from any sync: %s', (_, model) => {
    const beginning = { event: 'created', data: { created: null } };
    checked(
      fc.property(fc.array(said, { maxLength: 30 }), fc.nat(30), (rest, cut) => {
        // A log begins with `created` and has no other.
        const events = [beginning, ...rest.filter(({ event }) => event !== 'created')];
        const whole = foldedByServer(model, events);
        const at = Math.min(events.length, cut + 1);
        const state = { status: 'running', content: foldedByServer(model, events.slice(0, at)) };
        let replayed = NOTHING_KNOWN;
        let resumed = knownAfter(NOTHING_KNOWN, model, { event: 'sync', data: state }, at);
        for (const [index, one] of events.entries()) {
          replayed = knownAfter(replayed, model, structuredClone(one), index + 1);
          if (index >= at) resumed = knownAfter(resumed, model, structuredClone(one), index + 1);
        }
        expect(replayed.content).toEqual(whole);
        expect(resumed).toEqual({ ...replayed, content: whole });
      }),
      5_000,
    );
  });

  it('is not known where nobody knows what came before, until a sync tells', () => {
    const model = textContent() as ContentModel;
    let known = knownAfter(NOTHING_KNOWN, model, { event: 'text', data: { text: 'b' } }, 3);
    expect(known).toMatchObject({ status: 'running', content: undefined });
    const told = { status: 'running', content: { text: 'ab' } };
    known = knownAfter(known, model, { event: 'sync', data: told }, 3);
    known = knownAfter(known, model, { event: 'text', data: { text: 'c' } }, 4);
    expect(known.content).toEqual({ text: 'abc' });
    expect(told.content, 'the event is the host’s').toEqual({ text: 'ab' });
  });
});

describe('from a real server', () => {
  it('whoever replays, whoever resumes in mid-answer, and the server have the same content, over cuts', async () => {
    const served = await serve({ ...QUICK, manager: { contentModels: [graphContent(), textContent()] } });
    const random = seededRandom(seed);
    for (const [index, events] of fc.sample(run, { seed, numRuns: 6 }).entries()) {
      const streamId = `s-${index}`;
      const made = await served.manager.createJob({ streamId, userId: 'ann', contentModel: 'graph' });
      if (!made.started) throw new Error('not started');
      const url = `${served.url}/stream/${streamId}`;
      const replaying = followed(url, { contentModel: graphContent(), resume: false });
      const all = [replaying];
      for (const event of events) {
        // Those of the lifecycle are the library's to emit.
        if (!isReservedEvent(event.event)) await made.job.emit(event);
        if (random() < 0.1) all.push(followed(url, { contentModel: graphContent() }));
        if (random() < 0.1) served.cut();
      }
      await made.job.flush();
      const state = await served.manager.getResumeState(streamId);
      await made.job.complete();
      for (const { following } of all) {
        expect(await following.done).toEqual({ name: 'ended' });
        expect(following.current.content).toEqual(state?.content);
      }
    }
  });

  it('a page that was rendered with a state goes on from it, with the action that waits', async () => {
    const served = await serve({
      ...QUICK,
      manager: { contentModels: [textContent()] },
      routes: { ...QUICK.routes, onResume: (job) => job.emit({ event: 'text', data: { text: ' Sent.' } }) },
    });
    const made = await served.manager.createJob({ streamId: 's-1', userId: 'ann', contentModel: 'text' });
    if (!made.started) throw new Error('not started');
    await made.job.emit({ event: 'text', data: { text: 'Shall I?' } });
    await made.job.pause({ type: 'tool_approval', requests: [{ id: 'call-1', name: 'send_mail' }] });
    const state = await served.manager.getPublicState('s-1');
    if (state === null) throw new Error('no state');
    const { following, events } = followed(`${served.url}/stream/s-1`, {
      contentModel: textContent(),
      state,
    });
    expect(following.current).toMatchObject({
      ...{ generation: made.job.generation, status: 'requires_action', content: { text: 'Shall I?' } },
      pendingAction: { requests: [{ id: 'call-1' }] },
    });
    const client = createStreamClient({ url: served.url, headers: ANN });
    await client.decide('s-1', state.pendingAction ?? { actionId: '' }, 'approve');
    await following.done;
    expect(events.map(({ event }) => event)).toEqual(['resumed', 'text', 'completed']);
    expect(following.current).toMatchObject({
      ...{ status: 'completed', content: { text: 'Shall I? Sent.' }, pendingAction: null },
    });
    expect(state.content).toEqual({ text: 'Shall I?' });
  });
});
