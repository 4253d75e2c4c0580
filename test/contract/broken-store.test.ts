/**
 * L55: the contracts are only worth what they catch. Each store here breaks one sentence of the contract, and at least
 * one contract must fail on it.
 */
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/clock.js';
import type {
  Commit,
  CommitReply,
  CreateReply,
  CreateRequest,
  OtherCommit,
  ProducerCommit,
  SenderCommit,
  SettlementCommit,
} from '../../src/stream/interfaces/commits.js';
import type { AddToQueue, QueueReply, QueueStep } from '../../src/stream/interfaces/job-queues.js';
import type { JobStore } from '../../src/stream/interfaces/job-store.js';
import type { LogPage } from '../../src/stream/interfaces/log-pages.js';
import type {
  FeedBounds,
  FeedPage,
  FeedReply,
  ReadFeedRequest,
} from '../../src/stream/interfaces/user-feeds.js';
import type { FeedEntry } from '../../src/stream/model/feed-entry.js';
import type { QueueState } from '../../src/stream/model/queued-run.js';
import type { JobRecord, StreamKey, UserKey } from '../../src/stream/model/types.js';
import { type StoreCall, wrapStore } from '../../src/testing/wrapped-store.js';
import { storePortContracts, streamContracts } from './describe.js';
import { type Contract, runContract } from './harness.js';
import { memoryBackend } from './memory.js';

type Break = (store: JobStore, clock: Clock) => JobStore;
type Page = LogPage & { found: true };
type Committed = CommitReply & { ok: true };

/** Changes the answers of one method. */
const answering =
  <Answer>(method: string, change: (answer: Answer, call: StoreCall) => unknown): Break =>
  (store) =>
    wrapStore(store, async (call, perform) => {
      const answer = await perform();
      return call.method === method ? change(answer as Answer, call) : answer;
    });

/** Changes the arguments of one method. */
const asking =
  (method: string, change: (argument: never) => object): Break =>
  (store) =>
    wrapStore(store, (call, perform) => {
      if (call.method !== method) return perform();
      const [target, name] = method.startsWith('due.') ? [store.due, method.slice(4)] : [store, method];
      const [first, ...rest] = call.args as [never];
      return (target as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[name]?.(
        change(first),
        ...rest,
      ) as Promise<unknown>;
    });

const onPages = (change: (page: Page, call: StoreCall) => Page): Break =>
  answering<LogPage>('readLog', (page, call) => (page.found ? change(page, call) : page));

const onProducer = (change: (commit: ProducerCommit) => object): Break =>
  asking(
    'commit',
    (commit: ProducerCommit) => (commit.writer === 'producer' ? change(commit) : commit) as object,
  );

const onOther = (change: (commit: OtherCommit) => object): Break =>
  asking('commit', (commit: OtherCommit) => (commit.writer === 'other' ? change(commit) : commit) as object);

const onSender = (change: (commit: SenderCommit) => object): Break =>
  asking(
    'commit',
    (commit: SenderCommit) => (commit.writer === 'sender' ? change(commit) : commit) as object,
  );
const onFeed = (change: (page: FeedPage) => FeedPage): Break => answering<FeedPage>('feeds.read', change);

/** Changes the run that is added to a queue. */
const onAdd =
  (change: (run: AddToQueue) => AddToQueue): Break =>
  (store) =>
    wrapStore(store, ({ method, args: [key, run] }, perform) =>
      method === 'queues.add' ? store.queues.add(key as StreamKey, change(run as AddToQueue)) : perform(),
    );

/** Makes another step of a queue; none with null. */
const onStep =
  (change: (step: QueueStep) => QueueStep | null): Break =>
  (store) =>
    wrapStore(store, async ({ method, args: [key, given] }, perform) => {
      const step = method === 'queues.change' ? change(given as QueueStep) : given;
      if (step === given) return perform();
      if (step !== null) return store.queues.change(key as StreamKey, step as QueueStep);
      const state = await store.queues.read(key as StreamKey);
      return { outcome: 'ok', state, changed: true, removed: [] };
    });

const onQueue = (change: (state: QueueState) => QueueState): Break => {
  const changed = (reply: QueueReply) =>
    reply.outcome === 'ok' ? { ...reply, state: change(reply.state) } : reply;
  return (store) =>
    wrapStore(store, async ({ method }, perform) => {
      const answer = await perform();
      if (method === 'queues.read') return change(answer as QueueState);
      return method === 'queues.add' || method === 'queues.change' ? changed(answer as QueueReply) : answer;
    });
};

/** Makes a start that was refused a create like any other, where it may. */
const startingAnyway =
  (isMeant: (state: QueueState, request: CreateRequest) => boolean): Break =>
  (store) =>
    wrapStore(store, async (call, perform) => {
      const reply = (await perform()) as CreateReply;
      if (call.method !== 'create' || reply.outcome !== 'unqueued') return reply;
      const [{ start: _, ...request }] = call.args as [CreateRequest];
      return isMeant(await store.queues.read(request.key), request) ? store.create(request) : reply;
    });

let added = 0;

const BROKEN: Readonly<Record<string, Break>> = {
  'repeats an event in its pages': onPages((page) => {
    const [first] = page.events;
    return first && first.sequence > 2 ? { ...page, events: [first, ...page.events] } : page;
  }),
  'reorders a page': onPages((page) =>
    page.events.length > 2 ? { ...page, events: [...page.events].reverse() } : page,
  ),
  'loses the last event of a page but says the log goes on': onPages((page) =>
    page.events.length > 3 ? { ...page, events: page.events.slice(0, 2) } : page,
  ),
  'answers events from before the cursor': asking('readLog', (request: { after: number | 'snapshot' }) => {
    return {
      ...request,
      after: typeof request.after === 'number' && request.after > 3 ? request.after - 1 : request.after,
    };
  }),
  'forgets what a new producer waits for': asking(
    'create',
    ({ waits: _, ...request }: CreateRequest) => request,
  ),
  'starts over what its caller has not seen': asking(
    'create',
    ({ expects: _, ...request }: CreateRequest) => request,
  ),
  'forgets the generation asked for': asking('readLog', (request: object) => ({
    ...request,
    generation: undefined,
  })),
  'says nothing new where the log was trimmed': onPages((page) => ({ ...page, firstSequence: 1 })),
  'gives the status without the end': onPages((page) => ({ ...page, status: 'running' as const })),
  'hides the next generation': onPages((page) => ({ ...page, nextGeneration: undefined })),
  'forgets whose stream it is': onPages((page) => ({ ...page, userId: '' })),
  'accepts a stale attempt': (store) =>
    wrapStore(store, async (call, perform) => {
      const [commit] = call.args as [ProducerCommit];
      if (call.method !== 'commit' || commit.writer !== 'producer') return perform();
      const [record] = await store.read(commit.key, commit.generation);
      const attempt = record?.attempt ?? commit.attempt;
      return store.commit({
        ...commit,
        attempt,
        events: commit.events.map((event) => ({ ...event, attempt })),
      });
    }),
  'stores a repeated batch again': (store) => {
    return wrapStore(store, async (call, perform) => {
      const reply = await perform();
      const [commit] = call.args as [ProducerCommit];
      const isRepeat = call.method === 'commit' && commit.writer === 'producer' && commit.events.length > 0;
      if (
        !isRepeat ||
        !(reply as CommitReply).ok ||
        (reply as Committed).frames.length > 0 ||
        commit.transition
      )
        return reply;
      const afterSequence = (reply as Committed).lastSequence;
      const events = commit.events.map((event, index) => ({ ...event, sequence: afterSequence + index + 1 }));
      return store.commit({ ...commit, afterSequence, events });
    });
  },
  'loses the last event of a batch': onProducer((commit) =>
    commit.events.length > 1 && !commit.transition
      ? { ...commit, events: commit.events.slice(0, -1) }
      : commit,
  ),
  'accepts a batch that does not follow on': (store) =>
    wrapStore(store, async (call, perform) => {
      const reply = await perform();
      const [commit] = call.args as [ProducerCommit];
      const isRefused = call.method === 'commit' && !(reply as CommitReply).ok;
      if (!isRefused || (reply as CommitReply & { ok: false }).refusal !== 'sequence') return reply;
      const afterSequence = (reply as { record?: { lastSequence: number } }).record?.lastSequence ?? 0;
      const events = commit.events.map((event, index) => ({ ...event, sequence: afterSequence + index + 1 }));
      return store.commit({ ...commit, afterSequence, events });
    }),
  'shows a hand-over after more was produced': (store) => {
    const seen = new Map<number, JobRecord['handOver']>();
    return answering<readonly JobRecord[]>('read', (records) =>
      records.map((record) => {
        const handOver = record.handOver ?? seen.get(record.generation);
        seen.set(record.generation, handOver);
        return { ...record, handOver };
      }),
    )(store, undefined as never);
  },
  'forgets the state that is handed over': onProducer(({ patch, ...commit }) => ({
    ...commit,
    patch: patch?.handOver ? { ...patch, handOver: { ...patch.handOver, state: undefined } } : patch,
  })),
  'forgets patches': onProducer((commit) => ({ ...commit, patch: undefined })),
  'applies a repeated patch again': onProducer((commit) => {
    return commit.patch ? { ...commit, patch: { ...commit.patch, number: Number.MAX_SAFE_INTEGER } } : commit;
  }),
  'forgets call ids': onOther((commit) => ({ ...commit, callId: `${commit.callId}-${Math.random()}` })),
  'makes another generation for a repeated create': asking('create', (request: { callId: string }) => ({
    ...request,
    callId: `${request.callId}-${Math.random()}`,
  })),
  'never refuses a late create': asking('create', (request: object) => ({
    ...request,
    notAfter: Number.MAX_SAFE_INTEGER,
  })),
  'lets any create replace': (store) =>
    wrapStore(store, async (call, perform) => {
      const reply = (await perform()) as CreateReply;
      if (call.method !== 'create' || reply.outcome !== 'conflict') return reply;
      const end = { event: 'aborted', data: '{"code":"replaced"}' };
      const error = { code: 'replaced', message: '', retryable: false };
      const [request] = call.args as [Parameters<JobStore['create']>[0]];
      return store.create({ ...request, replaces: { generation: reply.record.generation, end, error } });
    }),
  'gives a stream to whoever asks': (store) =>
    wrapStore(store, async (call, perform) => {
      const reply = await perform();
      if (call.method !== 'create' || (reply as CreateReply).outcome !== 'taken') return reply;
      const [request] = call.args as [Parameters<JobStore['create']>[0]];
      await store.delete(request.key);
      return store.create(request);
    }),
  'replaces without an end of the old generation': answering<CreateReply>('create', (reply) =>
    reply.outcome === 'created' ? { ...reply, frames: [], replaced: undefined } : reply,
  ),
  'publishes what it does not keep': answering<CommitReply>('commit', (reply) => {
    if (!reply.ok) return reply;
    const frames = reply.frames.map((frame) => {
      const lastSequence = frame.lastSequence + 1;
      const phantom = { event: 'text', data: '{"text":"phantom"}', sequence: lastSequence, attempt: 1 };
      return { ...frame, lastSequence, events: [...(frame.events ?? []), phantom] };
    });
    return { ...reply, frames };
  }),
  'puts other events into its frames': answering<CommitReply>('commit', (reply) => {
    if (!reply.ok) return reply;
    const frames = reply.frames.map((frame) => ({
      ...frame,
      events: frame.events?.map((event) =>
        event.event === 'text' ? { ...event, data: '{"text":"forged"}' } : event,
      ),
    }));
    return { ...reply, frames };
  }),
  'never lets a lease lapse': onOther((commit) =>
    commit.name === 'lose' || commit.name === 'recover' ? { ...commit, generation: 1 } : commit,
  ),
  'lets a lease lapse at once': (store) =>
    wrapStore(store, async (call, perform) => {
      const [commit] = call.args as [OtherCommit];
      const isTaking = call.method === 'commit' && (commit.name === 'lose' || commit.name === 'recover');
      if (!isTaking) return perform();
      const [record] = await store.read(commit.key, commit.generation);
      if (record?.status === 'running')
        await store.renew([{ key: commit.key, generation: record.generation, attempt: record.attempt }], 0);
      return perform();
    }),
  'renews whatever is claimed': answering<readonly string[]>('renew', (answers) => answers.map(() => 'held')),
  'does not look at the action’s id': (store) =>
    wrapStore(store, async (call, perform) => {
      const [commit] = call.args as [OtherCommit];
      if (call.method !== 'commit' || commit.writer !== 'other' || commit.actionId === undefined)
        return perform();
      const [record] = await store.read(commit.key, commit.generation);
      return store.commit({ ...commit, actionId: record?.pendingAction?.actionId ?? commit.actionId });
    }),
  'never expires an action': onOther((commit) =>
    commit.name === 'expire' ? { ...commit, actionId: 'none' } : commit,
  ),
  'keeps the action after its decision': answering<readonly object[]>('read', (records) =>
    records.map((record) => ({
      pendingAction: { actionId: 'old', requests: [], type: 't', expiresAt: 0 },
      ...definedOf(record),
    })),
  ),
  'forgets decisions': answering<readonly object[]>('read', (records) =>
    records.map((record) => ({ ...record, resolutions: [] })),
  ),
  'lets two decide': answering<CommitReply>('commit', (reply, call) => {
    const [{ name }] = call.args as [OtherCommit];
    if (reply.ok || name !== 'resolve' || reply.refusal !== 'running' || !reply.record) return reply;
    return { ok: true, lastSequence: reply.record.lastSequence, frames: [], record: reply.record };
  }),
  'forgets the resolution': onOther((commit) => ({ ...commit, resolution: undefined })),
  'keeps only the newest resolution': answering<readonly JobRecord[]>('read', (records) =>
    records.map((record) => ({ ...record, resolutions: record.resolutions.slice(-1) })),
  ),
  'keeps the action that was resumed first': (store) => {
    const first = new Map<number, JobRecord['resumedAction']>();
    return wrapStore(store, async (call, perform) => {
      const answer = await perform();
      if (call.method !== 'readLog') return answer;
      const { record, ...page } = answer as Page;
      if (!record?.resumedAction) return answer;
      if (!first.has(record.generation)) first.set(record.generation, record.resumedAction);
      return { ...page, record: { ...record, resumedAction: first.get(record.generation) } };
    });
  },
  'forgets what a resumed attempt goes on from': onPages((page) => ({
    ...page,
    ...(page.record && { record: { ...page.record, resumedAction: undefined } }),
  })),
  'expires an action before its time': (store) =>
    wrapStore(store, async (call, perform) => {
      const reply = (await perform()) as CommitReply;
      const [commit] = call.args as [OtherCommit];
      if (call.method !== 'commit' || reply.ok || reply.refusal !== 'early') return reply;
      return store.commit({ ...commit, name: 'abort', actionId: undefined });
    }),
  'gives an action more time than it asked for': onProducer(({ transition, ...commit }) => {
    const action = transition?.action;
    return {
      ...commit,
      transition: action
        ? { ...transition, action: { ...action, expiresInMs: action.expiresInMs + 300 } }
        : transition,
    };
  }),
  'gives no new attempt to a decision': answering<CommitReply>('commit', (reply, call) => {
    const [{ name }] = call.args as [OtherCommit];
    if (!reply.ok || name !== 'resolve' || !reply.record) return reply;
    return { ...reply, record: { ...reply.record, attempt: reply.record.attempt - 1 } };
  }),
  'tells followers what the host needs to go on': onProducer((commit) => {
    const secret = commit.transition?.action?.resumeContext;
    if (secret === undefined) return commit;
    const events = commit.events.map((event) =>
      event.event === 'requires_action'
        ? {
            ...event,
            data: event.data.replace('{"action":{', `{"action":{"resumeContext":${JSON.stringify(secret)},`),
          }
        : event,
    );
    return { ...commit, events };
  }),
  'expires the next generation’s action in place of the old one’s': (store) =>
    wrapStore(store, async (call, perform) => {
      const reply = (await perform()) as CommitReply;
      const [commit] = call.args as [OtherCommit];
      if (call.method !== 'commit' || commit.name !== 'expire' || reply.ok) return reply;
      const [current] = await store.read(commit.key, 'current');
      if (current?.status !== 'requires_action') return reply;
      return store.commit({ ...commit, name: 'abort', generation: current.generation, actionId: undefined });
    }),
  'takes a part of a call id for the whole': (store) => {
    const calls: string[] = [];
    return wrapStore(store, async (call, perform) => {
      const [commit] = call.args as [ProducerCommit | OtherCommit];
      const id =
        call.method !== 'commit' ? undefined : 'callId' in commit ? commit.callId : commit.transition?.callId;
      if (id === undefined) return perform();
      const isKnown = calls.some((one) => one !== id && one.includes(id));
      calls.push(id);
      if (!isKnown) return perform();
      const [record] = await store.read(commit.key, commit.generation);
      return { ok: true, lastSequence: record?.lastSequence ?? 0, frames: [], record };
    });
  },
  'holds an annotation to no bound': asking('commit', (commit: Commit) =>
    commit.writer === 'annotator'
      ? { ...commit, bounds: { metadataBytes: 1e9, notes: 1e9, notesBytes: 1e9 } }
      : commit,
  ),
  'annotates what is current in place of what was meant': (store) =>
    wrapStore(store, async ({ method, args: [commit] }, perform) => {
      if (method !== 'commit' || (commit as Commit).writer !== 'annotator') return perform();
      const annotation = commit as Commit & { writer: 'annotator' };
      const [current] = await store.read(annotation.key, 'current');
      return store.commit({ ...annotation, generation: current?.generation ?? annotation.generation });
    }),
  'sends a message to anybody’s stream': onSender(({ ownedBy: _, ...commit }) => commit),
  'accepts a message again under its key': onSender((commit) =>
    commit.step.name === 'send' ? { ...commit, step: { ...commit.step, idempotencyKey: undefined } } : commit,
  ),
  'holds an inbox to no bound': onSender((commit) =>
    commit.step.name === 'send'
      ? { ...commit, step: { ...commit.step, bounds: { waiting: 1e9, accepted: 1e9 } } }
      : commit,
  ),
  'looks for a repeated message in the current generation alone': onSender(
    ({ isRepeat: _, ...commit }) => commit,
  ),
  'lets what is being taken be edited': (store) =>
    wrapStore(store, async ({ method, args: [commit] }, perform) => {
      const { writer, step, key, generation } = commit as Commit & { writer: 'sender' };
      if (method !== 'commit' || writer !== 'sender' || step.name !== 'reserve') return perform();
      const [record] = await store.read(key, generation ?? 'current');
      const messageId = record?.inbox[0]?.messageId;
      const sent = messageId === undefined ? {} : { sent: { messageId, isNew: false } };
      return { ok: true, lastSequence: record?.lastSequence ?? 0, frames: [], record, ...sent };
    }),
  'writes the event of a message that waits on': onProducer(({ takes: _, ...commit }) => commit),
  'ends although a message waits': onProducer(({ transition, ...commit }) => ({
    ...commit,
    transition: transition && { ...transition, ifInboxEmpty: undefined },
  })),
  'starts over without what was taken': onOther(({ restarts: _, ...commit }) => commit),
  'hands out what was unsent to everybody': (store) => {
    let claimed: unknown;
    return wrapStore(store, async ({ method, args: [commit] }, perform) => {
      const reply = (await perform()) as Committed;
      const { writer, step } = commit as Commit & { writer: 'sender' };
      if (method !== 'commit' || writer !== 'sender' || step.name !== 'claim' || !reply.ok) return reply;
      claimed ??= reply.claimed;
      return { ...reply, claimed };
    });
  },
  'renews without a word of what waits': answering<readonly (string | object)[]>('renew', (answers) =>
    answers.map((answer) => (typeof answer === 'object' && 'held' in answer ? 'held' : answer)),
  ),
  'takes a leave and writes nothing of it': (store) =>
    wrapStore(store, async ({ method, args: [commit] }, perform) =>
      method === 'commit' && (commit as Commit).writer === 'leaver'
        ? { ok: true, lastSequence: 0, frames: [] }
        : perform(),
    ),
  'begins again what nobody allows': asking('commit', (commit: Commit) =>
    commit.writer === 'receipts' ? { ...commit, over: 'any' } : commit,
  ),
  'begins a call for an attempt that was overtaken': (store) =>
    wrapStore(store, async ({ method, args: [commit] }, perform) => {
      if (method !== 'commit' || (commit as Commit).writer !== 'receipts') return perform();
      const receipt = commit as Commit & { writer: 'receipts' };
      const [record] = await store.read(receipt.key, receipt.generation);
      return store.commit({ ...receipt, attempt: record?.attempt ?? receipt.attempt });
    }),
  'forgets what a call gave': asking('commit', (commit: Commit) =>
    commit.writer === 'receipts' ? { ...commit, result: undefined } : commit,
  ),
  'holds receipts to no bound': asking('commit', (commit: Commit) =>
    commit.writer === 'receipts' ? { ...commit, most: 1e9 } : commit,
  ),
  'lists a page of receipts again and again': (store) =>
    wrapStore(store, (call, perform) => {
      const [key, generation, page] = call.args as Parameters<JobStore['receipts']>;
      return call.method === 'receipts'
        ? store.receipts(key, generation, { ...page, after: undefined })
        : perform();
    }),
  'takes what a call came to from any other': (store) => {
    const begun = new Map<string, string>();
    return wrapStore(store, async ({ method, args: [commit] }, perform) => {
      const receipt = commit as Commit & { writer: 'receipts' };
      if (method !== 'commit' || receipt.writer !== 'receipts') return perform();
      if (receipt.step !== 'begin')
        return store.commit({ ...receipt, callId: begun.get(receipt.name) ?? receipt.callId });
      const reply = (await perform()) as CommitReply;
      if (reply.ok && reply.receipt) begun.set(receipt.name, reply.receipt.callId);
      return reply;
    });
  },
  'makes a pause without its notice': onProducer(({ transition, ...commit }) => ({
    ...commit,
    transition: transition && { ...transition, noticeMs: undefined },
  })),
  'has pages that name no revision': onPages((page) => ({ ...page, revision: 0, changedRevision: 0 })),
  'lets two settle': (store) =>
    wrapStore(store, async (call, perform) => {
      const [commit] = call.args as [SettlementCommit];
      if (call.method !== 'commit' || commit.writer !== 'settler') return perform();
      const [record] = await store.read(commit.key, commit.generation);
      return store.commit({ ...commit, revision: record?.settlement.revision ?? commit.revision });
    }),
  'holds nobody still': (store) =>
    wrapStore(store, async (call, perform) => {
      const [commit] = call.args as [Commit];
      if (call.method !== 'commit' || commit.writer !== 'describer') return perform();
      return store.commit({ ...commit, forMs: 0 });
    }),
  'ends what was described from less': onOther((commit) => ({ ...commit, describedFrom: undefined })),
  'replaces what was described from less': asking('create', (request: CreateRequest) => ({
    ...request,
    replaces: request.replaces && { ...request.replaces, describedFrom: undefined },
  })),
  'keeps ended generations for ever': (store) =>
    wrapStore(store, (call, perform) => {
      const [, which] = call.args as Parameters<JobStore['delete']>;
      const isOfOne = call.method === 'delete' && which?.endedGeneration !== undefined;
      return isOfOne ? Promise.resolve(false) : perform();
    }),
  'deletes active generations as if they had ended': (store) =>
    wrapStore(store, (call, perform) => {
      return call.method === 'delete'
        ? store.delete(call.args[0] as Parameters<JobStore['delete']>[0])
        : perform();
    }),
  'deletes a stream for whoever asks': (store) =>
    wrapStore(store, (call, perform) => {
      const [key, which] = call.args as Parameters<JobStore['delete']>;
      return call.method === 'delete' ? store.delete(key, { ...which, ownedBy: undefined }) : perform();
    }),
  'brings a deleted stream back with a late write': (store) => {
    const gone = new Map<string, Parameters<JobStore['create']>[0]>();
    return wrapStore(store, async (call, perform) => {
      const [request] = call.args as [Parameters<JobStore['create']>[0]];
      if (call.method === 'create') gone.set(request.key.id, request);
      const reply = await perform();
      const isGone =
        call.method === 'commit' &&
        !(reply as CommitReply).ok &&
        (reply as { refusal: string }).refusal === 'gone';
      const created = gone.get((request as { key?: { id: string } }).key?.id ?? '');
      if (isGone && created) await store.create({ ...created, callId: `${created.callId}-again` });
      return reply;
    });
  },
  'forgets who owns a stream': answering('listByUser', () => ({ entries: [] })),
  'puts due streams off whenever it is asked': (store) =>
    wrapStore(store, async (call, perform) => {
      if (call.method !== 'due.later') return perform();
      const [entry, at] = call.args as [{ key: Parameters<JobStore['due']['nearer']>[0] }, number | null];
      const known = (await store.due.list({ limit: 10_000, all: true })).entries.find(
        (one) => one.key.id === entry.key.id,
      );
      return known ? store.due.later(known, at) : false;
    }),
  'forgets what is due': answering('due.list', (page: object) => ({ ...page, entries: [], next: undefined })),
  'lists a page of what is due again and again': asking('due.list', (request: object) => ({
    ...request,
    after: undefined,
  })),
  'lists what is not due yet': asking('due.list', (request: object) => ({ ...request, all: true })),
  'gives every user any number of slots': answering('slots.take', () => true),
  'never gives a slot back': (store) =>
    wrapStore(store, (call, perform) => (call.method === 'slots.give' ? Promise.resolve([]) : perform())),
  'remembers the last run of a key instead of the first': answering(
    'slots.remember',
    (_, call) => call.args[2],
  ),
  'keeps a snapshot of another attempt': (store) =>
    wrapStore(store, async (call, perform) => {
      if (call.method !== 'saveSnapshot') return perform();
      const [request] = call.args as [Parameters<JobStore['saveSnapshot']>[0]];
      const [record] = await store.read(request.key, request.generation);
      return store.saveSnapshot({ ...request, attempt: record?.attempt ?? request.attempt });
    }),
  'trims one event too many': asking(
    'saveSnapshot',
    (request: { snapshot: { sequence: number }; trim: boolean }) => ({
      ...request,
      snapshot: { ...request.snapshot, sequence: request.snapshot.sequence + 1 },
    }),
  ),
  'keeps an older entry of a feed in place of a newer': (store) => {
    let count = 0;
    return wrapStore(store, ({ method, args: [user, entry, bounds] }, perform) =>
      method === 'feeds.append'
        ? store.feeds.append(
            user as UserKey,
            { ...(entry as FeedEntry), count: ++count },
            bounds as FeedBounds,
          )
        : perform(),
    );
  },
  'reads a feed from its beginning, whatever the place': (store) =>
    wrapStore(store, ({ method, args: [user, request] }, perform) =>
      method === 'feeds.read'
        ? store.feeds.read(user as UserKey, { ...(request as ReadFeedRequest), after: 0 })
        : perform(),
    ),
  'forgets that a feed has left something out': onFeed((page) => ({ ...page, floor: 0 })),
  'forgets what was seen of a feed': onFeed((page) => ({
    ...page,
    entries: page.entries.map((entry) => ({ ...entry, isSeen: false })),
  })),
  'forgets the titles of a feed': onFeed((page) => ({
    ...page,
    entries: page.entries.map((entry) => ({ ...entry, title: undefined })),
  })),
  'forgets how many runs wait in a feed': onFeed((page) => ({
    ...page,
    entries: page.entries.map((entry) => ({ ...entry, queue: undefined })),
  })),
  'does not clear a feed': (store) =>
    wrapStore(store, ({ method }, perform) =>
      method === 'feeds.clear' ? Promise.resolve({ changed: 1, frames: [] }) : perform(),
    ),
  'announces no change of a feed': answering<FeedReply>('feeds.append', (reply) => ({
    ...reply,
    frames: [],
  })),
  'starts a run and does not take it': asking('create', ({ start: _, ...request }: CreateRequest) => request),
  'gives one run to each of two starts': answering<CreateReply>('create', (reply) =>
    reply.outcome === 'started' ? { ...reply, outcome: 'created', frames: [] } : reply,
  ),
  'takes the same start for another': asking('create', (request: CreateRequest) =>
    request.start ? { ...request, start: { startId: `${++added}` } } : request,
  ),
  'starts a run whose time is over': startingAnyway(({ runs }, { callId }) =>
    runs.some(({ queueId, returned }) => queueId === callId && returned === 'expired'),
  ),
  'starts a run that was taken away': startingAnyway(
    ({ runs }, { callId }) => !runs.some(({ queueId }) => queueId === callId),
  ),
  'takes a run and makes no generation where the create may not': (store) =>
    wrapStore(store, async (call, perform) => {
      const reply = (await perform()) as CreateReply;
      if (call.method !== 'create' || reply.outcome !== 'conflict') return reply;
      const [{ key, callId }] = call.args as [CreateRequest];
      await store.queues.change(key, { name: 'cancel', queueId: callId });
      return reply;
    }),
  'adds a run as often as it is asked to': onAdd((run) => ({ ...run, queueId: `${run.queueId}-${++added}` })),
  'does not look at the key of a run': onAdd((run) => ({ ...run, idempotencyKey: undefined })),
  'lets any number of runs wait': onAdd((run) => ({ ...run, mostWaiting: Number.MAX_SAFE_INTEGER })),
  'puts a run before those that wait': (store) =>
    wrapStore(store, async ({ method, args: [key, run] }, perform) => {
      const reply = (await perform()) as QueueReply;
      if (method !== 'queues.add' || reply.outcome !== 'ok' || !reply.changed) return reply;
      const { queueId } = run as AddToQueue;
      const moved = await store.queues.change(key as StreamKey, { name: 'move', queueId, position: 1 });
      return { ...moved, changed: true, queueId };
    }),
  'lets whoever asks change a queue': onStep((step) => ({ ...step })),
  'moves no run': onStep((step) => (step.name === 'move' ? null : step)),
  'cancels no run': onStep((step) => (step.name === 'cancel' ? null : step)),
  'clears no queue': onStep((step) => (step.name === 'clear' ? null : step)),
  'goes on with no queue': onStep((step) => (step.name === 'resume' ? null : step)),
  'hands no run back': onStep((step) => (step.name === 'return' ? null : step)),
  'reads a run as waiting whose time is over': onQueue((state) => ({
    ...state,
    runs: state.runs.map((run) => (run.returned === 'expired' ? { ...run, returned: undefined } : run)),
  })),
  'forgets the request of a run': onQueue((state) => ({
    ...state,
    runs: state.runs.map((run) => ({ ...run, request: '{}' })),
  })),
  'counts the changes of a queue from the beginning when it was gone': (store) => {
    const first = new Map<string, number>();
    return onQueue((state) => {
      const base = first.get('s') ?? state.revision - 1;
      if (state.revision === 0) first.delete('s');
      else first.set('s', base);
      return { ...state, revision: Math.max(0, state.revision - base) };
    })(store, undefined as never);
  },
  'forgets that a record has waited in a queue': answering<readonly object[]>('read', (records) =>
    records.map((record) => ({ ...record, fromQueue: undefined })),
  ),
  'keeps a queue that is dropped': (store) =>
    wrapStore(store, ({ method }, perform) => (method === 'queues.drop' ? Promise.resolve() : perform())),
  'drops another’s queue': (store) =>
    wrapStore(store, ({ method, args: [key] }, perform) =>
      method === 'queues.drop' ? store.queues.drop(key as StreamKey) : perform(),
    ),
  'drops a queue with its stream': (store) =>
    wrapStore(store, async ({ method, args: [key] }, perform) => {
      const deleted = await perform();
      if (method === 'delete' && deleted === true) await store.queues.drop(key as StreamKey);
      return deleted;
    }),
  'names nobody who waits for a slot': answering('slots.give', () => []),
  'names those who wait for a slot in any order': answering<readonly string[]>('slots.give', (names) =>
    names.toReversed(),
  ),
  'loses metadata': answering<readonly object[]>('read', (records) =>
    records.map((record) => ({ ...record, metadata: {} })),
  ),
};

function definedOf(record: object): object {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

/** What is seen at the manager's face; and all, the store's own first, since most defects show there. */
const FACE: readonly Contract[] = Object.values(streamContracts).flat();
const DECIDING: readonly Contract[] = (['Pending actions', 'Decisions', 'Approvals'] as const).flatMap(
  (subject): readonly Contract[] => streamContracts[subject],
);
const ALL: readonly Contract[] = [
  ...new Set([...storePortContracts, ...DECIDING, ...streamContracts['Pauses told'], ...FACE]),
];

/** A contract that waits for what a broken store never does is seen by this: no call and no time that passes, look after look. */
const LOOK_MS = 25;
const IDLE_LOOKS = 20;
/** A broken store can send a loop round for ever; no contract makes this many calls. */
const MOST_CALLS = 300_000;

/** The first contract that fails on a broken store, or never ends on it. */
async function caughtBy(breakStore: Break, contracts: readonly Contract[]): Promise<string | undefined> {
  for (const contract of contracts) {
    const result = await resultOf(breakStore, contract);
    if (result !== 'passed') return `${contract.id} ${contract.title}: ${result}`;
  }
  return undefined;
}

async function resultOf(breakStore: Break, contract: Contract): Promise<'passed' | 'failed' | 'hung'> {
  let calls = 0;
  let time: Clock | undefined;
  const counted = (store: JobStore, clock: Clock) => {
    time = clock;
    return wrapStore(breakStore(store, clock), async (_, perform) => {
      if (++calls > MOST_CALLS) return new Promise(() => {});
      return perform();
    });
  };
  const run = runContract(contract, () => memoryBackend(counted)).then(
    () => 'passed' as const,
    () => 'failed' as const,
  );
  let looking: NodeJS.Timeout | undefined;
  const hung = new Promise<'hung'>((resolve) => {
    let [seen, looks] = ['', 0];
    looking = setInterval(() => {
      const now = `${calls} ${time?.monotonic()}`;
      looks = now === seen ? looks + 1 : 0;
      seen = now;
      if (looks >= IDLE_LOOKS || calls > MOST_CALLS) resolve('hung');
    }, LOOK_MS);
  });
  const result = await Promise.race([run, hung]);
  clearInterval(looking);
  return result;
}

describe('L55 A store that breaks the contract is caught', () => {
  for (const [title, breakStore] of Object.entries(BROKEN)) {
    it(`when it ${title}`, async () => {
      expect(await caughtBy(breakStore, ALL)).toBeDefined();
    });
  }

  for (const [title, contracts] of [
    ['repeats an event in its pages', FACE],
    ['reorders a page', FACE],
    ['forgets the generation asked for', FACE],
    ['lets two decide', DECIDING],
    ['forgets the resolution', DECIDING],
    ['keeps the action that was resumed first', DECIDING],
    ['forgets what a resumed attempt goes on from', DECIDING],
    ['expires an action before its time', DECIDING],
    ['tells followers what the host needs to go on', DECIDING],
    ['expires the next generation’s action in place of the old one’s', DECIDING],
  ] as const) {
    it(`when it ${title}, also by what callers and followers get`, async () => {
      expect(await caughtBy(BROKEN[title] as Break, contracts)).toBeDefined();
    });
  }
});
