/**
 * Asking a person, and judging what was said: what may be asked, what may be answered, and that everything else is
 * refused with a code of its own and changes nothing at all.
 */
import {
  fingerprintOf,
  type GenerationJob,
  type PauseInput,
  type ProposedVerdict,
  type ResolveInput,
} from 'generation-jobs';
import { z } from 'zod';
import { ASK, asked, expectDecided, expectRefused, keptOf, NO, resolveOn, YES } from './asking.js';
import { dataOf, text } from './follower.js';
import { AT_ONCE_MS, type Contract, codeOf, expectCode, rejection, TIMES } from './harness.js';
import { expect } from './tools.js';

/** Nobody sweeps while a refusal is looked at. */
const STILL = { leaseMs: 60_000, renewMs: 20_000, sweepMs: 60_000, approvalWindowMs: 60_000 };

const MANY = (count: number, make: (index: number) => object) =>
  Array.from({ length: count }, (_, index) => make(index)) as never[];
const request = (index: number) => ({ id: `r${index}`, name: 't' });
const question = (index: number) => ({ id: `q${index}`, question: '?' });
const option = (index: number) => ({ label: `o${index}` });
const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
const asking = (over: object): PauseInput => ({
  type: 'ask_user_question',
  questions: [{ ...question(0), ...over }],
});
const requesting = (over: object): PauseInput => ({
  type: 'tool_approval',
  requests: [{ ...request(0), ...over }],
});

const QUESTIONS: PauseInput = {
  type: 'ask_user_question',
  questions: [
    {
      id: 'one',
      question: 'Which?',
      options: [{ label: 'A' }, { label: 'B', value: 'b' }],
      allowText: false,
    },
    { id: 'many', question: 'Which ones?', options: MANY(4, option), multiSelect: true },
    { id: 'free', question: 'Why?' },
  ],
};
const ANSWERS = [
  { id: 'free', text: 'because' },
  { id: 'one', selected: ['b'] },
  { id: 'many', selected: ['o3', 'o1'], text: 'and more' },
];

const REQUESTS: PauseInput = {
  type: 'tool_approval',
  requests: [
    { id: 'plain', name: 't' },
    { id: 'all', name: 't', arguments: { a: 1 }, allowedDecisions: ['approve', 'reject', 'edit', 'respond'] },
  ],
};
const plain = { id: 'plain', decision: 'approve' } as const;

/** What is said to `REQUESTS`, and why not. */
const REFUSED_DECISIONS: readonly (readonly [code: string, said: Partial<ResolveInput>])[] = [
  ['request_undecided', {}],
  ['request_undecided', { decisions: [plain] }],
  ['request_decided_twice', { decisions: [plain, plain] }],
  ['request_decided_twice', { decisions: [plain, { id: 'plain', decision: 'reject' }] }],
  [
    'request_unknown',
    { decisions: [plain, { id: 'all', decision: 'approve' }, { id: 'x', decision: 'approve' }] },
  ],
  [
    'request_unknown',
    { answers: [{ id: 'plain', text: 'yes' }], decisions: [plain, { id: 'all', decision: 'approve' }] },
  ],
  ['decision_not_allowed', { decisions: [{ id: 'plain', decision: 'edit', arguments: {} }] }],
  ['decision_not_allowed', { decisions: [{ id: 'plain', decision: 'respond', text: 'a' }] }],
  ['edit_without_arguments', { decisions: [plain, { id: 'all', decision: 'edit' }] }],
  ['edit_without_arguments', { decisions: [plain, { id: 'all', decision: 'edit', arguments: null }] }],
  ['edit_without_arguments', { decisions: [plain, { id: 'all', decision: 'edit', arguments: [1] }] }],
  ['edit_without_arguments', { decisions: [plain, { id: 'all', decision: 'edit', arguments: '{}' }] }],
  ['edit_without_arguments', { decisions: [plain, { id: 'all', decision: 'edit', arguments: new Date(0) }] }],
  ['respond_without_text', { decisions: [plain, { id: 'all', decision: 'respond' }] }],
  ['respond_without_text', { decisions: [plain, { id: 'all', decision: 'respond', text: ' \n' }] }],
  ['invalid_action', { decisions: [plain, { id: 'all', decision: 'approve', arguments: { a: 2 } }] }],
  ['invalid_action', { decisions: [plain, { id: 'all', decision: 'reject', text: 'no' }] }],
  ['invalid_action', { decisions: [plain, { id: 'all', decision: 'edit', arguments: {}, text: 'no' }] }],
  ['invalid_action', { decisions: [plain, { id: 'all', decision: 'approve' }], response: {} }],
  ['invalid_action', { decisions: [plain, { id: 'all', decision: 'maybe' as 'approve' }] }],
  ['invalid_action', { decisions: [plain, { id: 'all', decision: 'approve', more: 1 } as never] }],
  ['invalid_action', { decisions: MANY(65, (index) => ({ id: `${index}`, decision: 'approve' })) }],
  ['invalid_action', { decisions: [plain, { id: 'all', decision: 'reject', reason: 'x'.repeat(16_001) }] }],
  ['invalid_action', { decisions: [plain, { id: 'all', decision: 'edit', arguments: { a: 1n } }] }],
  ['invalid_action', { decisions: [plain, { id: 'all', decision: 'approve' }], by: '' }],
  [
    'invalid_action',
    { decisions: [plain, { id: 'all', decision: 'approve' }], idempotencyKey: 'x'.repeat(257) },
  ],
  ['json_too_deep', { decisions: [plain, { id: 'all', decision: 'edit', arguments: { a: nested(64) } }] }],
  [
    'event_too_large',
    { decisions: [plain, { id: 'all', decision: 'edit', arguments: { a: 'x'.repeat(300_000) } }] },
  ],
  ['payload_changed', { decisions: [plain, { id: 'all', decision: 'approve' }], payloadDigest: 'another' }],
];

const REFUSED_ANSWERS: readonly (readonly [code: string, answers: ResolveInput['answers']])[] = [
  ['request_undecided', []],
  ['request_undecided', ANSWERS.slice(1)],
  ['request_undecided', [{ id: 'free' }, ...ANSWERS.slice(1)]],
  ['request_undecided', [{ id: 'free', text: '' }, ...ANSWERS.slice(1)]],
  ['request_decided_twice', [...ANSWERS, { id: 'free', text: 'again' }]],
  ['request_unknown', [...ANSWERS.slice(0, 2), { id: 'x', text: 'a' }]],
  ['answer_not_allowed', [{ id: 'one', selected: ['B'] }]],
  ['answer_not_allowed', [{ id: 'one', selected: ['A', 'b'] }]],
  ['answer_not_allowed', [{ id: 'one', text: 'C' }]],
  ['answer_not_allowed', [{ id: 'one', selected: ['A'], text: 'C' }]],
  ['answer_not_allowed', [{ id: 'many', selected: ['o1', 'o1'] }]],
  ['answer_not_allowed', [{ id: 'free', selected: ['a'] }]],
  ['invalid_action', [...ANSWERS, { id: 'y', text: '1' }, { id: 'z', text: '1' }]],
  ['invalid_action', [{ id: 'free', text: 'x'.repeat(16_001) }, ...ANSWERS.slice(1)]],
  ['invalid_action', [{ id: 'many', selected: MANY(13, (index) => `${index}` as never) }]],
];

/** What can't be asked; what is at its bound can. */
const PAUSES: readonly (readonly [what: string, code: string, action: PauseInput, allowed?: PauseInput])[] = [
  [
    'requests',
    'invalid_action',
    { ...ASK, requests: MANY(65, request) },
    { ...ASK, requests: MANY(64, request) },
  ],
  ['no requests', 'invalid_action', { type: 'tool_approval', requests: [] }],
  ['requests and questions', 'invalid_action', { ...ASK, questions: MANY(1, question) }],
  ['no questions', 'invalid_action', { type: 'ask_user_question' }],
  ['questions and requests', 'invalid_action', { ...ASK, ...asking({}) }],
  [
    'questions',
    'invalid_action',
    { ...asking({}), questions: MANY(5, question) },
    { ...asking({}), questions: MANY(4, question) },
  ],
  ['options', 'invalid_action', asking({ options: MANY(13, option) }), asking({ options: MANY(12, option) })],
  [
    'two options of one value',
    'invalid_action',
    asking({ options: [{ label: 'a' }, { label: 'b', value: 'a' }] }),
  ],
  [
    'label',
    'invalid_action',
    asking({ options: [{ label: 'x'.repeat(281) }] }),
    asking({ options: [{ label: 'x'.repeat(280) }] }),
  ],
  [
    'value',
    'invalid_action',
    asking({ options: [{ label: 'a', value: 'x'.repeat(281) }] }),
    asking({ options: [{ label: 'a', value: 'x'.repeat(280) }] }),
  ],
  [
    'question text',
    'invalid_action',
    asking({ question: 'x'.repeat(16_001) }),
    asking({ question: 'x'.repeat(16_000) }),
  ],
  [
    'a question nobody could answer',
    'invalid_action',
    asking({ allowText: false }),
    asking({ allowText: false, options: [{ label: 'a' }] }),
  ],
  ['two of one id', 'invalid_action', { ...ASK, requests: [request(1), request(1)] }],
  [
    'a request and a question of one id',
    'invalid_action',
    { type: 'own', requests: [request(1)], questions: [{ id: 'r1', question: '?' }] },
  ],
  ['an empty id', 'invalid_action', requesting({ id: '' })],
  ['a long id', 'invalid_action', requesting({ id: 'x'.repeat(257) }), requesting({ id: 'x'.repeat(256) })],
  [
    'description',
    'invalid_action',
    requesting({ description: 'x'.repeat(16_001) }),
    requesting({ description: 'x'.repeat(16_000) }),
  ],
  ['nothing allowed', 'invalid_action', requesting({ allowedDecisions: [] })],
  ['a decision twice', 'invalid_action', requesting({ allowedDecisions: ['edit', 'edit'] })],
  ['an unknown decision', 'invalid_action', requesting({ allowedDecisions: ['allow'] })],
  ['a type', 'invalid_action', { type: 'Not A Type' }, { type: 'a_type' }],
  ['an unknown key', 'invalid_action', { ...ASK, more: 1 } as PauseInput],
  ['a window', 'invalid_action', { ...ASK, expiresInMs: 0 }],
  ['a window of years', 'invalid_action', { ...ASK, expiresInMs: 1e12 }],
  [
    'a fingerprint',
    'invalid_action',
    { ...ASK, fingerprint: 'x'.repeat(257) },
    { ...ASK, fingerprint: 'x'.repeat(256) },
  ],
  ['what JSON can’t carry', 'invalid_action', requesting({ arguments: { a: 1n } })],
  [
    'a large payload',
    'event_too_large',
    { type: 'own', payload: 'x'.repeat(262_144) },
    { type: 'own', payload: 'x'.repeat(261_000) },
  ],
  [
    'a large resumeContext',
    'event_too_large',
    { ...ASK, resumeContext: 'x'.repeat(262_144) },
    { ...ASK, resumeContext: 'x'.repeat(261_000) },
  ],
  [
    'a deep payload',
    'json_too_deep',
    { type: 'own', payload: nested(63) },
    { type: 'own', payload: nested(62) },
  ],
  [
    'a deep resumeContext',
    'json_too_deep',
    { ...ASK, resumeContext: nested(64) },
    { ...ASK, resumeContext: nested(63) },
  ],
];

const AMOUNT = z.strictObject({ amount: z.number().positive(), currency: z.string().default('EUR') });
const CHOICE = z.strictObject({ plan: z.enum(['a', 'b']), note: z.string().default('') });
/** A schema that has to ask somewhere. */
const SLOW = z.object({ name: z.string() }).refine(async ({ name }) => {
  await new Promise((resolve) => setImmediate(resolve));
  return name !== 'taken';
}, 'it is taken');
const OWN_TYPES = [
  { type: 'payment', payload: AMOUNT, response: CHOICE },
  { type: 'slow', payload: SLOW, response: SLOW },
  { type: 'shown', payload: AMOUNT },
];

export const approvalContracts: readonly Contract[] = [
  {
    id: 'L36 P3',
    title:
      'only the attempt that holds the lease can ask: one that ended, was replaced, fenced or paused can’t',
    timesLapse: true,
    async run(h) {
      // No renewal and no sweep changes what is compared.
      const [one, two] = await h.two({ options: STILL });
      const doomed = await h.replica();
      const over: Record<string, (job: GenerationJob) => Promise<unknown>> = {
        completed: (job) => job.complete(),
        aborted: (job) => two.manager.abortJob(job.streamId),
        replaced: (job) => h.start(two, { streamId: job.streamId }),
        gone: (job) => two.manager.deleteStream(job.streamId),
        paused: (job) => job.pause(ASK),
        resumed: async (job) => resolveOn(two, await job.pause(ASK), job.streamId),
        fenced: async (job) => {
          doomed.clock.sleep();
          await h.replica({ hooks: { recover: (job) => hang(job) }, options: { maxRecoveries: 5 } });
          const isTaken = async () => (await h.store.read(job.key, 'current'))[0]?.attempt === 2;
          // One that has just started watches for a renewal's time before it judges anybody.
          await h.until(isTaken, 'it is taken over', TIMES.leaseMs + TIMES.renewMs + 2 * TIMES.sweepMs);
        },
      };
      for (const [streamId, end] of Object.entries(over)) {
        const job = await h.start(streamId === 'fenced' ? doomed : one, { streamId });
        await end(job);
        // A producer that was stopped says that it has left, and nothing more.
        const isStopped = streamId === 'aborted' || streamId === 'replaced';
        const hasLeft = async () => (await h.store.read(job.key, job.generation))[0]?.producerLeft;
        if (isStopped) await h.until(hasLeft, `${streamId}: it has left`, TIMES.renewMs);
        const before = await keptOf(h, job);
        const error = await h.soon(rejection(job.pause(ASK)));
        expect(codeOf(error), streamId).toBe(streamId === 'fenced' ? 'fenced' : 'job_ended');
        if (streamId !== 'fenced') expect(await keptOf(h, job), streamId).toEqual(before);
        const asked = (await h.log(streamId)).filter(({ event }) => event === 'requires_action');
        expect(asked.length, streamId).toBe(streamId === 'paused' || streamId === 'resumed' ? 1 : 0);
      }
      doomed.clock.wake();
    },
  },
  {
    id: 'L36 P2',
    title: 'the pause is one step: what was emitted before it, the status, the action and its event',
    async run(h) {
      const [one, two] = await h.two();
      const job = await h.start(one);
      const follower = h.follow(two);
      for (let index = 0; index < 20; index++) void job.emit(text(index));
      const { actionId } = await job.pause({ ...REQUESTS, payload: { a: [1] }, expiresInMs: 3_000 });
      const state = await two.manager.getResumeState('s');
      expect(state).toMatchObject({ status: 'requires_action', cursor: `${job.generation}-22` });
      const log = await h.log();
      expect(log.map(({ event }) => event)).toEqual([
        'created',
        ...Array(20).fill('text'),
        'requires_action',
      ]);
      const { action } = dataOf<{ action: Record<string, number> }>(log.at(-1));
      expect(action).toEqual({
        actionId,
        type: 'tool_approval',
        requests: [
          { id: 'plain', name: 't', allowedDecisions: ['approve', 'reject'] },
          {
            id: 'all',
            name: 't',
            arguments: { a: 1 },
            allowedDecisions: ['approve', 'reject', 'edit', 'respond'],
          },
        ],
        questions: [],
        payload: { a: [1] },
        payloadDigest: expect.stringMatching(/^[\w-]{43}$/),
        askedAt: expect.any(Number),
        expiresAt: (action.askedAt ?? 0) + 3_000,
      });
      expect(state?.pendingAction).toEqual(action);
      expect(await one.manager.approvals.peek('s')).toEqual(action);
      expect(await two.manager.approvals.peek('s', { userId: 'v' })).toBeNull();
      expect(await two.manager.approvals.peek('s', { tenantId: 't' })).toBeNull();
      await h.until(() => follower.events.length === log.length, 'the follower has it', AT_ONCE_MS);
      expect(follower.events).toEqual(log);
    },
  },
  {
    id: 'L37 P9',
    title: 'what can’t be asked is refused at its bound, by code, and the job goes on',
    async run(h) {
      const replica = await h.replica({ options: STILL });
      const job = await h.start(replica);
      await h.rest();
      for (const [what, code, action] of PAUSES) {
        const error = await expectRefused(h, { replica, job }, () => job.pause(action), code);
        expect(String(error), what).not.toContain('Unexpected');
        expect(job.isOver, what).toBe(false);
      }
      job.emit(text('on'));
      await job.complete();
      for (const [index, [what, , , allowed]] of PAUSES.entries()) {
        if (allowed === undefined) continue;
        const other = await h.start(replica, { streamId: `s${index}` });
        expect(await other.pause(allowed), what).toEqual({ actionId: expect.any(String) });
        expect((await replica.manager.getJob(`s${index}`))?.pendingAction, what).toMatchObject({
          type: allowed.type,
        });
      }
    },
  },
  {
    id: 'L37 L39',
    title: 'an action id is used once in a generation, and may be used again in the next',
    async run(h) {
      const [one, two] = await h.two();
      let job = await h.start(one);
      for (const actionId of ['a', 'b']) {
        await job.pause({ ...ASK, actionId });
        job = (await resolveOn(two, { actionId })).job;
        for (const used of actionId === 'a' ? ['a'] : ['a', 'b']) {
          await expectCode(job.pause({ ...ASK, actionId: used }), 'invalid_action');
        }
        expect(job.isOver).toBe(false);
      }
      await job.complete();
      const next = await h.start(one);
      await next.pause({ ...ASK, actionId: 'a' });
      const { continuation } = await resolveOn(two, { actionId: 'a', decisions: NO });
      expect(continuation.resolution).toMatchObject({ decisions: NO });
    },
  },
  {
    id: 'L37 P7',
    title:
      'a decision that is incomplete, double, malformed, too large or not allowed is refused by code, and changes nothing',
    async run(h) {
      const replica = await h.replica({ options: STILL });
      const { job, actionId } = await asked(h, replica, REQUESTS);
      for (const [code, said] of REFUSED_DECISIONS) {
        await expectRefused(
          h,
          { replica, job },
          () => resolveOn(replica, { actionId, decisions: undefined, ...said }),
          code,
        );
      }
      const edited = {
        id: 'all',
        decision: 'edit',
        arguments: JSON.parse('{"__proto__":{"a":1},"b":[]}'),
      } as const;
      const won = await resolveOn(replica, { actionId, decisions: [edited, plain] });
      // In the order asked, exactly as said.
      const { decisions } = won.continuation.resolution as { decisions: readonly unknown[] };
      expect(JSON.stringify(decisions)).toBe(JSON.stringify([plain, edited]));
      const [record] = await h.store.read(job.key, 'current');
      expect(JSON.stringify(record?.resolutions[0]?.decisions)).toBe(JSON.stringify([plain, edited]));
      expect({}).not.toHaveProperty('a');
    },
  },
  {
    id: 'L37 P7',
    title:
      'an answer that is missing, double, of no option or in words where it may not be is refused by code',
    async run(h) {
      const replica = await h.replica({ options: STILL });
      const { job, actionId } = await asked(h, replica, { requests: undefined, ...QUESTIONS });
      const resolve = (answers: ResolveInput['answers'], over = {}) =>
        resolveOn(replica, { actionId, decisions: undefined, answers, ...over });
      for (const [code, answers] of REFUSED_ANSWERS) {
        await expectRefused(h, { replica, job }, () => resolve(answers), code);
      }
      await expectRefused(h, { replica, job }, () => resolve(ANSWERS, { decisions: YES }), 'request_unknown');
      await expectRefused(h, { replica, job }, () => resolve(ANSWERS, { response: 1 }), 'invalid_action');
      const follower = h.follow(replica, { after: 'tail' });
      await follower.subscription.ready;
      const { continuation } = await resolve(ANSWERS);
      const inOrder = [ANSWERS[1], ANSWERS[2], ANSWERS[0]];
      expect(continuation.resolution).toMatchObject({ decisions: [], answers: inOrder });
      await h.until(() => follower.events.length === 1, 'followers are told', AT_ONCE_MS);
      expect(follower.events[0]).toMatchObject({
        event: 'resumed',
        data: { by: 'p', attempt: 2, answers: inOrder },
      });
    },
  },
  {
    id: 'L39 L40 F32',
    title: 'a decision on another action than the pending one is refused by what became of its own',
    async run(h) {
      const [one, two] = await h.two({ options: STILL });
      const { job: first, actionId: older } = await asked(h, one, { actionId: 'older' });
      const refused = (job: GenerationJob, actionId: string, code: string, over: object = {}) =>
        expectRefused(h, { replica: two, job }, () => resolveOn(two, { actionId, ...over }), code);
      await refused(first, 'none', 'action_not_found');
      await refused(first, older, 'stream_not_found', { userId: 'v' });
      await refused(first, older, 'stream_not_found', { tenantId: 't' });
      await refused(first, older, 'stream_not_found', { tenantId: 't', userId: 'u' });
      await expectCode(resolveOn(two, { actionId: older }, 'unknown'), 'stream_not_found');
      await expectCode(resolveOn(two, { actionId: older }, 'no stream id'), 'invalid_stream_id');
      let { job } = await resolveOn(two, { actionId: older, decisions: NO, by: 'ann', userId: 'u' });
      await refused(job, older, 'action_decided');
      await refused(job, 'none', 'action_not_found');
      const { actionId } = await job.pause({ ...ASK, actionId: 'newer' });
      const outcome = { by: 'ann', decisions: NO, outcome: 'decided' };
      await expectDecided(h, resolveOn(one, { actionId: older }), outcome, 'action_stale');
      await refused(job, older, 'action_stale');
      await two.manager.abortJob('s');
      await refused(job, actionId, 'generation_ended');
      // Of a generation before, as long as it is kept.
      const next = await asked(h, one, { actionId: 'next' });
      await expectDecided(h, resolveOn(one, { actionId: older }), outcome, 'action_stale');
      await refused(next.job, older, 'action_stale');
      await refused(next.job, actionId, 'generation_ended');
      await refused(next.job, 'none', 'action_not_found');
      job = (await resolveOn(one, next)).job;
      await refused(job, older, 'action_stale');
      await job.complete();
      await expectDecided(h, resolveOn(two, next), { by: 'p' });
    },
  },
  {
    id: 'L32 F32',
    title:
      'an action whose generation was aborted or replaced while it waited has ended with it, wherever the decision was',
    async run(h) {
      let meanwhile: () => Promise<unknown> = async () => undefined;
      const [one, two] = await h.two({
        options: STILL,
        hooks: { beforeResolve: () => meanwhile().then(() => true) },
      });
      const ends: Record<string, (streamId: string) => Promise<unknown>> = {
        aborted: (streamId) => two.manager.abortJob(streamId),
        replaced: (streamId) => h.start(two, { streamId }),
        'replaced-by-one-that-ended': async (streamId) => (await h.start(two, { streamId })).complete(),
        'replaced-by-one-that-asks': async (streamId) =>
          (await h.start(two, { streamId })).pause({ ...ASK, actionId: 'other' }),
      };
      for (const [how, end] of Object.entries(ends)) {
        for (const when of ['before', 'during']) {
          const streamId = `${how}-${when}`;
          const { actionId } = await asked(h, one, { streamId });
          meanwhile = when === 'during' ? () => end(streamId) : async () => undefined;
          if (when === 'before') await end(streamId);
          await expectCode(h.soon(resolveOn(one, { actionId }, streamId)), 'generation_ended');
        }
      }
    },
  },
  {
    id: 'L40 A19 P7',
    title:
      'a decision goes on only with the fingerprint that was paused, whoever brings it; without one nobody has looked',
    async run(h) {
      const paused = fingerprintOf({ model: 'm', tools: ['a', 'b'] });
      let seen: unknown;
      const hooks = { beforeResolve: () => seen as { fingerprint?: string } };
      const replica = await h.replica({ options: STILL, hooks });
      const { job, actionId } = await asked(h, replica, { fingerprint: paused });
      const refused = (fingerprint?: string) =>
        expectRefused(
          h,
          { replica, job },
          () => resolveOn(replica, { actionId, fingerprint }),
          'fingerprint_mismatch',
        );
      for (const none of [undefined, null, true, {}]) {
        seen = none;
        await refused(undefined);
        await refused(fingerprintOf({ model: 'other', tools: ['a', 'b'] }));
      }
      // What the host finds counts more than what the caller says.
      seen = { fingerprint: 'another' };
      await refused(paused);
      seen = { fingerprint: fingerprintOf({ tools: ['a', 'b'], model: 'm' }) };
      const { job: next } = await resolveOn(replica, { actionId });
      // Without one at the pause there is nothing to compare.
      seen = undefined;
      const second = await next.pause(ASK);
      const { job: third } = await resolveOn(replica, { ...second, fingerprint: 'whatever' });
      const last = await third.pause({ ...ASK, fingerprint: paused });
      await resolveOn(replica, { ...last, fingerprint: paused });
    },
  },
  {
    id: 'A19 P7',
    title:
      'the digest names what was shown: the same on every replica, another for any other arguments, and refused when it is not the pending one’s',
    async run(h) {
      const [one, two] = await h.two({ options: STILL });
      const digests: string[] = [];
      let job = await h.start(one);
      for (const args of [
        { to: 'ann', cc: [] },
        { cc: [], to: 'ann' },
        { to: 'eve', cc: [] },
      ]) {
        const { actionId } = await job.pause({
          type: 'tool_approval',
          requests: [{ id: 'r', name: 't', arguments: args }],
        });
        const shown = await two.manager.approvals.peek('s');
        const payloadDigest = shown?.payloadDigest as string;
        const earlier = digests.at(-1);
        if (earlier !== undefined && earlier !== payloadDigest) {
          const call = () => resolveOn(two, { actionId, payloadDigest: earlier });
          await expectRefused(h, { replica: two, job }, call, 'payload_changed');
        }
        digests.push(payloadDigest);
        const resolved = await resolveOn(two, { actionId, payloadDigest });
        expect(resolved.continuation.resolution).toMatchObject({ payloadDigest });
        job = resolved.job;
      }
      expect(digests[0]).toBe(digests[1]);
      expect(digests[2]).not.toBe(digests[1]);
    },
  },
  {
    id: 'L37 A15',
    title:
      'the host’s judgement sees the whole decision before it is made; no, or a throw, refuses it, and the throw is counted without its text',
    async run(h) {
      const lines: string[] = [];
      const line = (fields: object, message: string) =>
        void lines.push(JSON.stringify({ ...fields, message }));
      const failed: string[] = [];
      const outcomes: string[] = [];
      const proposals: ProposedVerdict[] = [];
      let answer: () => unknown = () => undefined;
      const replica = await h.replica({
        options: STILL,
        logger: { debug: line, info: line, warn: line, error: line },
        observer: { hookFailed: (hook) => failed.push(hook), approval: (outcome) => outcomes.push(outcome) },
        hooks: {
          beforeResolve: (proposed) => {
            proposals.push(proposed);
            return answer() as undefined;
          },
        },
      });
      const { job, actionId } = await asked(h, replica, { resumeContext: { step: 3 } });
      const context = { request: true };
      const call = (over = {}) => resolveOn(replica, { actionId, context, ...over });
      const answers: (() => unknown)[] = [
        () => false,
        async () => false,
        () => {
          throw new Error('secret words');
        },
        () => Promise.reject(new Error('secret words')),
      ];
      for (const one of answers) {
        answer = one;
        const error = await expectRefused(h, { replica, job }, call, 'action_refused');
        expect(String(error)).not.toContain('secret');
      }
      expect(failed).toEqual(['beforeResolve', 'beforeResolve']);
      expect(lines.filter((text) => text.includes('beforeResolve'))).toHaveLength(2);
      expect(lines.join()).not.toContain('secret');
      expect(outcomes).toEqual(['paused', 'refused', 'refused', 'refused', 'refused']);
      // What is malformed never gets that far.
      const asked_ = proposals.length;
      await expectRefused(h, { replica, job }, () => call({ decisions: [] }), 'request_undecided');
      await expectRefused(h, { replica, job }, () => call({ payloadDigest: 'x' }), 'payload_changed');
      expect(proposals).toHaveLength(asked_);
      for (const proposed of proposals) {
        expect(proposed).toMatchObject({
          ...{ decisions: YES, answers: [], by: 'p', context },
          record: { streamId: 's', status: 'requires_action', userId: 'u' },
          action: { actionId, resumeContext: { step: 3 } },
        });
      }
      answer = () => null; // as a host without types may
      await call();
      expect(outcomes.at(-1)).toBe('resolved');
    },
  },
  {
    id: 'L37 P9',
    title:
      'the decisions of a generation are bounded together; one too many is refused and the action stays pending',
    async run(h) {
      const options = { ...STILL, limits: { resolutionBytes: 1_500 } };
      const replica = await h.replica({ options });
      const large = { id: 'r', decision: 'reject' as const, reason: 'x'.repeat(1_000) };
      const { actionId } = await asked(h, replica);
      const { job } = await resolveOn(replica, { actionId, decisions: [large] });
      const second = await job.pause(ASK);
      const call = () => resolveOn(replica, { ...second, decisions: [large] });
      await expectRefused(h, { replica, job }, call, 'limit_exceeded');
      await resolveOn(replica, second);
    },
  },
  {
    id: 'L37 L49',
    title: 'a draining replica decides nothing; another one does',
    async run(h) {
      const [one, two] = await h.two({ options: STILL });
      const { job, actionId } = await asked(h, one);
      await one.manager.drain({ graceMs: 0 });
      await expectRefused(h, { replica: one, job }, () => resolveOn(one, { actionId }), 'draining');
      expect((await resolveOn(two, { actionId })).job.attempt).toBe(2);
    },
  },
  {
    id: 'L37 P10',
    title:
      'the host’s own types are checked by the host’s schemas, which may take their time and fill in what is missing',
    async run(h) {
      const [one, two] = await h.two({ options: STILL, actionTypes: OWN_TYPES });
      let job = await h.start(one);
      const refusePause = (action: PauseInput) =>
        expectRefused(h, { replica: one, job }, () => job.pause(action), 'invalid_action');
      await refusePause({ type: 'payment', payload: { amount: -1 } });
      await refusePause({ type: 'payment', payload: { amount: 1, more: 1 } });
      await refusePause({ type: 'payment' });
      await refusePause({ type: 'slow', payload: { name: 'taken' } });
      expect(job.isOver).toBe(false);
      const payment = await job.pause({ type: 'payment', payload: { amount: 3 } });
      const shown = await two.manager.approvals.peek('s');
      expect(shown).toMatchObject({ payload: { amount: 3, currency: 'EUR' } });
      const [announced] = (await h.log()).slice(-1);
      expect(dataOf<{ action: object }>(announced).action).toEqual(shown);
      const own = (actionId: string, response?: unknown) =>
        resolveOn(two, { actionId, decisions: undefined, response });
      const refused = (actionId: string, response?: unknown) =>
        expectRefused(h, { replica: two, job }, () => own(actionId, response), 'invalid_action');
      await refused(payment.actionId);
      await refused(payment.actionId, { plan: 'c' });
      await refused(payment.actionId, { plan: 'a', more: 1 });
      const paid = await own(payment.actionId, { plan: 'a' });
      expect(paid.continuation).toMatchObject({
        action: { payload: { amount: 3, currency: 'EUR' } },
        resolution: { response: { plan: 'a', note: '' }, decisions: [], answers: [] },
      });
      expect((await h.log()).at(-1)?.data).toMatchObject({ response: { plan: 'a', note: '' } });
      job = paid.job;
      const slow = await job.pause({ type: 'slow', payload: { name: 'a' } });
      await refused(slow.actionId, { name: 'taken' });
      job = (await own(slow.actionId, { name: 'b' })).job;
      // A type without a schema for it, and one nobody has declared, take no response.
      for (const type of ['shown', 'undeclared']) {
        const { actionId } = await job.pause({ type, payload: { amount: 1 } });
        await refused(actionId, { plan: 'a' });
        job = (await own(actionId)).job;
      }
      await job.complete();
    },
  },
];

function hang(job: GenerationJob): Promise<unknown> {
  return new Promise((resolve) => job.signal.addEventListener('abort', resolve));
}
