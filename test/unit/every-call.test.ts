/**
 * Every public call beside every mistake a host can write into its options: a misspelt key, and a value of the wrong kind.
 * The calls are derived from the entries' exports and the classes' prototypes, so that a new one fails here until it is in
 * the table; the options of each call are derived from its types.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as root from 'generation-jobs';
import * as agents from 'generation-jobs/agents';
import * as aiSdk from 'generation-jobs/ai-sdk';
import * as anthropic from 'generation-jobs/anthropic';
import * as client from 'generation-jobs/client';
import * as content from 'generation-jobs/content';
import * as decisionLinks from 'generation-jobs/decision-links';
import * as express from 'generation-jobs/express';
import * as metrics from 'generation-jobs/metrics';
import * as openai from 'generation-jobs/openai';
import * as ports from 'generation-jobs/ports';
import * as contract from 'generation-jobs/ports/contract';
import * as react from 'generation-jobs/react';
import * as redis from 'generation-jobs/redis';
import * as standing from 'generation-jobs/rules';
import * as testing from 'generation-jobs/testing';
import * as transcripts from 'generation-jobs/transcripts';
import * as web from 'generation-jobs/web';
import * as worker from 'generation-jobs/worker';
import * as gateway from 'generation-jobs/worker/gateway';
import { Registry } from 'prom-client';
import { afterAll, describe, expect, it } from 'vitest';
import { systemEntropy } from '../../src/clock.js';
import { freshPath, sqliteLibraries } from '../worker/outbox-databases.js';

/** What a host writes that the types would have refused. */
type Odd = never;
/** A wrong value for each option of a call; `ANY` for one that takes all values. */
type Wrong<Options> = { readonly [Key in keyof Required<Options>]: unknown };
const ANY = Symbol('any value will do');

interface Refusals {
  readonly wrong: Readonly<Record<string, unknown>>;
  /** What must be given in any case. */
  readonly base: object;
  readonly call: (options: Odd) => unknown;
}

/** Of a call without options: calls with one wrong parameter each, by its name. */
type WrongParameters = Readonly<Record<string, () => unknown>>;

/** The last parameter is what is written out by hand. */
function refuses<Options>(
  wrong: Wrong<Options>,
  call: (options: Odd) => unknown,
  base: Partial<Options> = {},
): Refusals {
  return { wrong, base, call };
}

const manager = new root.GenerationJobManager({ ...root.createStreamServices(), options: { feed: true } });
afterAll(() => manager.close());
async function started(): Promise<root.GenerationJob> {
  const made = await manager.createJob({ streamId: systemEntropy.id(), userId: 'ann' });
  if (!made.started) throw new Error('not started');
  return made.job;
}
const job = await started();
const { streamId } = job;
const subscription = manager.subscribe(streamId);
const database = sqliteLibraries[0].open(freshPath(afterAll));
const outbox = worker.openOutbox({ database });
afterAll(() => outbox.close());
const runLane = outbox.run('run', { deliver: async () => ({ kind: 'again' }) });
const reportLane = outbox.reports('reports', { mode: 'append', deliver: async () => ({ kind: 'done' }) });
const redisClient = {
  ...{ call() {}, evalsha() {}, eval() {}, subscribe() {}, unsubscribe() {}, off() {} },
  on() {},
  duplicate: () => ({ ...redisClient }),
};
const saver: agents.SaverLike = { getTuple: async () => undefined, deleteThread: async () => {} };
const checkpointer = new agents.Checkpointer(saver);
const run: agents.RunLike = {
  processStream: async () => null,
  resume: async () => null,
  getInterrupt: () => undefined,
};
const authorize = () => null;
const interrupt = {
  interruptId: 'i',
  checkpointId: 'c',
  payload: { type: 'ask_user_question', question: { question: '?' } },
};

const streamClient = client.createStreamClient({ url: '/api/chat' });
const requests: Wrong<client.RequestOptions> = { headers: 7, credentials: 'Include', fetch: 7 };
const followOptions: Wrong<client.FollowOptions> = {
  ...requests,
  ...{ signal: 7, cursor: 'tail', resume: 'yes', follow: 'Stream', settled: 'yes', onEvent: 7, onState: 7 },
  ...{ contentModel: 7, state: { cursor: 7 }, stallMs: '1', longestPauseMs: '1', mayRest: 7, queueId: 7 },
};

const feedOptions: Wrong<client.FeedOptions> = {
  ...{ ...requests, signal: 7, onEvent: 7, onState: 7, stallMs: '1', longestPauseMs: '1', mayRest: 7 },
};

const access: Wrong<root.Access> = { tenantId: 7, userId: 7 };
const ofGeneration = { ...access, generation: '1' };
const ofState: Wrong<root.StateAccess> = { ...access, generation: 'Completed' };
const page = { limit: '1', cursor: 7 };
const routes = {
  ...{ authorize: 7, onResume: 7, allowedOrigins: 'https://a.example', cors: 'yes', heartbeatMs: '1' },
  ...{ recheckMs: '1', stallMs: '1', retryMs: '1', bodyBytes: '1', bodyMs: '1', readerBytes: '1' },
};
const streamRoutes = { ...routes, messages: 'yes' };
const { retryMs: _retryMs, ...chatRoutes } = {
  ...{ ...routes, onMessage: 7, validate: 7, streamId: 7, metadata: 7, generateMessageId: 7, version: 5 },
  ...{ onConflict: 'Replace', waitFor: 'Left' },
};
const chats = new root.GenerationJobManager({
  ...{ ...root.createStreamServices(), contentModels: [content.uiMessageContent()] },
});
const chatHost = { authorize, onMessage: () => [] };
const uiStream = {
  ...{ version: 5, messageId: 7, showEvents: 'yes', cursors: 'yes', keepAliveMs: '1', headers: 7 },
};
const chunksOf: Wrong<aiSdk.ProviderChunksOptions> = {
  ...{ messageId: 7, sendStart: 'yes', sendFinish: 'yes', shownCalls: 7, signal: {}, onUsage: 7 },
};
const redisOptions: Wrong<redis.RedisOptions> = {
  ...{
    keyPrefix: 7,
    timeoutMs: '1',
    expiryMarginMs: '1',
    createHoldMs: '1',
    pingMs: '1',
    pingTimeoutMs: '1',
  },
};
const agentOptions: Wrong<agents.AgentOptions> = {
  ...{ checkpointer: Promise.resolve(checkpointer), handlers: { on_run_step: () => {} }, storeOversized: 7 },
  ...{ configurable: 7, durability: 'Exit', sdkVersion: 7, approvalWindowMs: '1', fingerprint: 7 },
  ...{ resumeContext: ANY, final: 7, onError: 7, toEvent: 7, toMessageContent: 7, receipts: 7 },
};

const rules = standing.createStandingDecisions({ store: standing.createMemoryRules() });
const transcriptStore = transcripts.createMemoryTranscripts();
const transcriptsOfRun = transcripts.transcriptsOf(transcriptStore, { agentId: 'a', conversationId: 'c' });
const storeOptions: Wrong<transcripts.TranscriptStoreOptions> = { keepRuns: '1', clock: {} };
const bounds: Wrong<transcripts.HydrateOptions> = {
  ...{ file: 7, withinMs: '1', maxBytes: '1', signal: {}, clock: {} },
};
const { file: _file, maxBytes: _maxBytes, ...clearBounds } = bounds;
const secrets = [{ id: 'k', secret: 'x'.repeat(32) }];
const gatewayOptions: Wrong<gateway.WorkerRouterOptions> = {
  ...{ keys: [7], onHookFatal: 7, audience: 7, tokenMs: '1', tokenGraceMs: '1', bodyBytes: '1', bodyMs: '1' },
  ...{ requestsPerSecond: '1', heartbeatMs: '1', stallMs: '1', retryMs: '1' },
  ...{ transcripts: { main: {} }, transcriptBytes: '1' },
};

const links = decisionLinks.createDecisionLinks({ keys: secrets, url: 'https://chat.example/decide' });
const onResume = () => {};
const decisionRoutes: Wrong<decisionLinks.DecisionRouterOptions<never>> = {
  ...{ links: 7, onResume: 7, shows: 'All', bodyBytes: '1', bodyMs: '1', requestsPerSecond: '1' },
};
const linkable = {
  ...{ actionId: 'a', type: 'tool_approval', payloadDigest: 'd', questions: [], askedAt: 0, expiresAt: 1e15 },
  requests: [{ id: 'r', name: 't', allowedDecisions: ['approve', 'reject'] as const }],
};

const TABLE: Readonly<Record<string, Refusals | { readonly parameters: WrongParameters } | string>> = {
  // the manager
  GenerationJobManager: refuses<root.ManagerInput>(
    {
      ...{ jobStore: {}, eventTransport: {}, options: 7, contentModels: [content.textContent], hooks: 7 },
      ...{ actionTypes: [{ type: 7 }], observer: 7, logger: 7, replicaId: 7 },
      ...{ seal: { seal: 7 }, rules: {}, clock: {}, entropy: {} },
    },
    (input) => new root.GenerationJobManager(input),
    root.createStreamServices(),
  ),
  createSeal: refuses<root.SealInput>(
    { keys: [{ id: 7 }], metadata: [7] },
    (input) => root.createSeal(input),
    { keys: [{ id: 'k', key: new Uint8Array(32) }] },
  ),
  'manager.start': 'takes nothing',
  'manager.createJob': refuses<root.CreateJobInput>(
    {
      ...{ streamId: 7, userId: 7, tenantId: 7, conversationId: 7, idempotencyKey: 7, onConflict: 'Join' },
      ...{ expects: 7, waitFor: 'Settled' },
      ...{ created: ANY, metadata: 7, contentModel: 7, merge: 'yes' },
    },
    (input) => manager.createJob(input),
    { streamId: 's', userId: 'ann' },
  ),
  'manager.getJob': refuses(ofGeneration, (options) => manager.getJob(streamId, options)),
  'manager.openSealed': { parameters: { streamId: () => manager.openSealed({} as root.JobRecord) } },
  'manager.subscribe': refuses<root.SubscribeOptions>(
    {
      ...ofGeneration,
      after: 7,
      follow: 'Stream',
      resume: 'true',
      settled: 'true',
      notes: -1,
      queueId: 7,
      signal: {},
    },
    (options) => manager.subscribe(streamId, options),
  ),
  'manager.subscribeUser': refuses<root.SubscribeUserInput>(
    { ...access, after: 7, signal: {} },
    (input) => manager.subscribeUser(input),
    { userId: 'ann' },
  ),
  'manager.markSeen': refuses<root.MarkSeenInput>(
    { ...access, streamId: 7, generation: '1', upTo: 7 },
    (input) => manager.markSeen(input),
    { userId: 'ann', streamId: 's' },
  ),
  'manager.getGenerations': refuses(access, (options) => manager.getGenerations(streamId, options)),
  'manager.getResumeState': refuses(ofState, (options) => manager.getResumeState(streamId, options)),
  'manager.getPublicState': refuses(ofState, (options) => manager.getPublicState(streamId, options)),
  'manager.subscribeWithResume': refuses<root.SubscribeOptions>(
    {
      ...ofGeneration,
      after: 7,
      follow: 'Stream',
      resume: 'true',
      settled: 'true',
      notes: -1,
      queueId: 7,
      signal: {},
    },
    (options) => manager.subscribeWithResume(streamId, options),
  ),
  'manager.abortJob': refuses<root.AbortInput>(
    { ...ofGeneration, by: 7, reason: 7, wait: 'Settled', queue: 'Clear' },
    (options) => manager.abortJob(streamId, options),
  ),
  'manager.settled': refuses<root.SettledInput>({ ...ofGeneration, timeoutMs: -1, signal: {} }, (options) =>
    manager.settled(streamId, options),
  ),
  'manager.annotate': refuses<root.AnnotateInput>(
    { ...ofGeneration, metadata: 7, notes: [{ key: 7 }] },
    (options) => manager.annotate(streamId, options),
  ),
  'inbox.send': refuses<root.SendInput>(
    { ...ofGeneration, message: ANY, kind: 7, idempotencyKey: 7, by: 7 },
    (options) => manager.inbox.send(streamId, options),
    { message: 1 },
  ),
  'inbox.edit': refuses<root.EditInput>(
    { ...ofGeneration, messageId: 7, message: ANY },
    (options) => manager.inbox.edit(streamId, options),
    { messageId: 'm', message: 1 },
  ),
  'inbox.cancel': refuses<root.MessageAccess>(
    { ...ofGeneration, messageId: 7 },
    (options) => manager.inbox.cancel(streamId, options),
    { messageId: 'm' },
  ),
  'inbox.claim': refuses<root.ClaimInput>({ ...ofGeneration, claimId: 7 }, (options) =>
    manager.inbox.claim(streamId, options),
  ),
  'queue.list': refuses(access, (options) => manager.queue.list(streamId, options)),
  'queue.cancel': refuses<root.QueuedAccess>(
    { ...access, queueId: 7 },
    (options) => manager.queue.cancel(streamId, options),
    { queueId: 'q' },
  ),
  'queue.move': refuses<root.MoveInput>(
    { ...access, queueId: 7, position: '1' },
    (options) => manager.queue.move(streamId, options),
    { queueId: 'q', position: 1 },
  ),
  'queue.resume': refuses(access, (options) => manager.queue.resume(streamId, options)),
  'queue.clear': 'is called by the library',
  'manager.listActiveJobs': refuses({ ...access, ...page }, (options) => manager.listActiveJobs(options), {
    userId: 'ann',
  }),
  'manager.listJobs': refuses<root.ListJobsInput>({ status: 'Running', ...access, ...page }, (options) =>
    manager.listJobs(options),
  ),
  'manager.settlements': refuses({ state: 'set-aside', ...page }, (options) => manager.settlements(options), {
    state: 'open',
  }),
  'manager.settleAgain': refuses(ofGeneration, (options) => manager.settleAgain(streamId, options)),
  'manager.deleteStream': refuses(access, (options) => manager.deleteStream('none', options)),
  'manager.deleteUser': refuses(access, (options) => manager.deleteUser(options), { userId: 'nobody' }),
  'manager.followerCount': refuses({ tenantId: 7 }, (options) => manager.followerCount(streamId, options)),
  'manager.stats': 'takes nothing',
  'manager.health': 'takes nothing',
  'manager.drain': refuses({ graceMs: '8000', handOverMs: '0' }, (options) => manager.drain(options)),
  'manager.close': 'takes nothing',
  'upkeep.sweep': 'takes nothing',
  'upkeep.renewLeases': 'takes nothing',
  'upkeep.idle': 'takes nothing',

  // its approvals
  'approvals.peek': refuses(access, (options) => manager.approvals.peek(streamId, options)),
  'approvals.resolve': refuses<root.ResolveInput>(
    {
      ...{ ...access, actionId: 7, decisions: 7, answers: 7, response: ANY, by: 7, payloadDigest: 7 },
      ...{ fingerprint: 7, idempotencyKey: 7, generation: '1', via: 'Link', context: ANY },
      remember: 7,
    },
    (input) => manager.approvals.resolve(streamId, input),
    { actionId: 'a', by: 'ann' },
  ),
  'approvals.expire': refuses({ ...access, actionId: 7 }, (options) =>
    manager.approvals.expire(streamId, options),
  ),
  'approvals.history': refuses(access, (options) => manager.approvals.history(streamId, options)),

  // a job
  'job.emit': 'events are taken by their known keys; their values are in test/unit/events.test.ts',
  'job.tryEmit': 'as `emit`',
  'job.flush': 'takes nothing',
  'job.pipe': {
    parameters: { source: () => job.pipe(7 as Odd), mapper: () => job.pipe([], 7 as Odd) },
  },
  'job.update': refuses({ conversationId: 7, metadata: 7 }, (change) => job.update(change)),
  'job.addUsage': {
    parameters: {
      usage: () => job.addUsage(7 as Odd),
      'usage.tokens': () => job.addUsage({ tokens: '1' } as Odd),
    },
  },
  'job.pause': refuses<root.PauseInput>(
    {
      ...{ actionId: 7, type: 'Not A Type', requests: 7, questions: 7, payload: ANY, expiresInMs: '1' },
      ...{ resumeContext: ANY, fingerprint: 7 },
    },
    (input) => job.pause(input),
    { type: 'checkpoint' },
  ),
  'job.handOver': 'takes a value of the host’s, whose bounds are in test/contract/hand-over.ts',
  'job.finishesWithin': { parameters: { ms: () => job.finishesWithin('5' as Odd) } },
  'job.complete': refuses<root.CompleteOptions>({ ifInboxEmpty: 'yes' }, async (options) =>
    (await started()).complete(null, options),
  ),
  'job.emitOwn': 'is called by the library',
  'jobInbox.take': 'takes nothing',
  'jobInbox.peek': 'takes nothing',
  'jobInbox.taken': 'takes nothing',
  'jobInbox.arrived': 'takes nothing',
  'jobInbox.watch': 'takes a function',
  'jobInbox.heard': 'is called by the library',
  'jobInbox.close': 'is called by the library',
  'jobInbox.notEmpty': 'is called by the library',
  'job.once': refuses<root.OnceOptions>(
    { idempotent: 'yes', unknown: 'Ask', name: 7, arguments: ANY, description: 7 },
    (options) => job.once('call', () => 1, options),
  ),
  'job.fail': 'takes a value of the host’s',
  'job.run': 'takes a function: what it throws, being none included, is the answer’s `error`',
  'job.whenAnswered': 'takes nothing',
  'job.report': 'is called by the library',
  'job.stop': 'is called by the library',
  'job.loseLease': 'is called by the library',
  'job.failWithStore': 'is called by the library',
  'job.checkTime': 'is called by the library',

  // a subscription
  'subscription.read': 'takes nothing',
  'subscription.fail': 'is called by the library',
  'subscription.announce': 'is called by the library',
  'subscription.forget': 'is called by the library',
  'subscription.onReaderFailed': 'is called by the library',
  'subscription.seeRecord': 'is called by the library',
  'subscription.wake': 'takes nothing',
  'subscription.close': 'takes nothing, so that it may be a listener',
  'subscription.detach': 'is called by the library',
  'subscription.next': 'takes nothing',
  'subscription.return': 'takes nothing',

  // the client
  followStream: refuses<client.FollowOptions>(followOptions, (options) =>
    client.followStream('/stream/s', options),
  ),
  createStreamClient: refuses<client.StreamClientOptions>(
    { url: 7, ...requests },
    (options) => client.createStreamClient(options),
    { url: '/api/chat' },
  ),
  StreamClientError: 'is made by the library',
  'streamClient.follow': refuses<client.FollowOptions>(followOptions, (options) =>
    streamClient.follow('s', options),
  ),
  'streamClient.status': refuses<{ signal?: AbortSignal }>({ signal: 7 }, (options) =>
    streamClient.status('s', options),
  ),
  'streamClient.abort': refuses<client.AbortStreamOptions>(
    { generation: '1', wait: 'Settled', queue: 'Clear', signal: 7 },
    (options) => streamClient.abort('s', options),
  ),
  'streamClient.send': refuses<client.SendOptions>(
    { generation: '1', kind: 7, idempotencyKey: 7, signal: 7 },
    (options) => streamClient.send('s', 'text', options),
  ),
  ...Object.fromEntries(
    (['editMessage', 'cancelMessage', 'claimUnsent'] as const).map((name) => [
      `streamClient.${name}`,
      refuses<client.MessageOptions>({ generation: '1', signal: 7 }, (options: Odd) =>
        name === 'editMessage'
          ? streamClient.editMessage('s', 'm', 'text', options)
          : name === 'cancelMessage'
            ? streamClient.cancelMessage('s', 'm', options)
            : streamClient.claimUnsent('s', options),
      ),
    ]),
  ),
  'streamClient.decide': refuses<client.DecideOptions>(
    { idempotencyKey: 7, remember: 7, signal: 7 },
    (options) => streamClient.decide('s', { actionId: 'a' }, 'approve', options),
  ),
  'streamClient.rules': refuses<{ signal?: AbortSignal }>({ signal: 7 }, (options) =>
    streamClient.rules(options),
  ),
  'streamClient.revokeRule': refuses<{ signal?: AbortSignal }>({ signal: 7 }, (options) =>
    streamClient.revokeRule('r', options),
  ),
  followFeed: refuses<client.FeedOptions>(feedOptions, (options) => client.followFeed('/feed', options)),
  'streamClient.followFeed': refuses<client.FeedOptions>(feedOptions, (options) =>
    streamClient.followFeed(options),
  ),
  'streamClient.markSeen': refuses<client.SeenOptions>({ generation: '1', signal: 7 }, (options) =>
    streamClient.markSeen('s', options),
  ),
  useGeneration: 'is a hook; see test/client/react.test.ts',

  // the main entry
  createStreamServices: refuses({ redis: undefined, maxStreams: '1', clock: {} }, (options) =>
    root.createStreamServices(options),
  ),
  InMemoryJobStore: refuses({ maxStreams: '1', clock: {} }, (options) => new root.InMemoryJobStore(options)),
  InMemoryEventTransport: 'takes nothing',
  defineContentModel: refuses<root.ContentModel>(
    { name: 7, initial: 7, fold: 7, restart: 7, isEmpty: 7, merge: 7 },
    (model) => root.defineContentModel(model),
    { name: 'host', initial: () => null, fold: () => null },
  ),
  failWith: refuses<Parameters<typeof root.failWith>[0]>(
    { code: 7, message: 7, retryable: 'yes' },
    (failure) => root.failWith(failure),
    { code: 'c', message: 'm' },
  ),
  JobFailureError: refuses<ConstructorParameters<typeof root.JobFailureError>[0]>(
    { code: 7, message: 7, retryable: 'yes' },
    (failure) => new root.JobFailureError(failure),
    { code: 'c', message: 'm' },
  ),
  ConflictError: 'is made by the library',
  DeletionIncompleteError: 'is made by the library',
  GenerationJobError: 'is made by the library',
  JobEndedError: 'is made by the library',
  ActionDecidedError: 'is made by the library',
  isGenerationJobError: 'takes any value',
  formatCursor: 'takes no options',
  parseCursor: 'takes no options; see test/unit/cursor.test.ts',
  fingerprintOf: 'takes any value',
  isStreamId: 'takes any value',
  streamIdFor: 'takes no options',
  isActive: 'takes no options',
  isReservedEvent: 'takes no options',
  isTerminalEvent: 'takes no options',

  // agents as child processes
  runAgentProcess: refuses<worker.AgentProcessOptions>(
    {
      ...{
        command: 7,
        args: '-p',
        cwd: 7,
        env: { PORT: 7 },
        stdin: 7,
        keepStdinOpen: 'yes',
        mapper: 'claude',
      },
      ...{ questions: { manager: {} }, graceMs: 0, silenceMs: '1', lineBytes: 1 },
    },
    async (options) => worker.runAgentProcess(await started(), options),
    { command: 'none', mapper: 'raw' },
  ),
  resumeAgentProcess: 'takes a job and its continuation',
  agentProcesses: 'takes nothing',
  AgentProcessError: 'is thrown by the library',
  createMessageFile: refuses<worker.MessageFileOptions>(
    { folder: 7, userMessage: 7, writeMs: '1', fileBytes: 1 },
    (options) => worker.createMessageFile(options),
    { folder: 'messages' },
  ),
  // the outbox
  openOutbox: refuses<worker.OutboxInput>(
    {
      ...{ database: {}, clock: {}, entropy: {}, logger: 7, onEvent: 7, maxRows: '1', maxBytes: '1' },
      ...{ reportTries: 0, retryMs: '1', longestRetryMs: 0, pollMs: 0, deliveryMs: 0, batchItems: 0 },
      batchBytes: 0,
    },
    (input) => worker.openOutbox(input),
    { database },
  ),
  deliveryOf: 'takes an answer over HTTP, whatever it is; see test/worker/delivery.test.ts',
  'outbox.run': refuses<worker.RunLaneInput>(
    { deliver: 7, onEnded: 7 },
    (input) => outbox.run('another', input),
    { deliver: async () => ({ kind: 'done' }) },
  ),
  'outbox.reports': refuses<worker.ReportLaneInput>(
    { mode: 'Append', deliver: 7 },
    (input) => outbox.reports('another', input),
    { mode: 'append', deliver: async () => ({ kind: 'done' }) },
  ),
  'outbox.lanes': 'takes nothing',
  'outbox.setAside': refuses({ after: '1', limit: 0 }, (page) => outbox.setAside(page)),
  'outbox.setAsideText': { parameters: { id: () => outbox.setAsideText('1' as Odd) } },
  'outbox.retry': { parameters: { id: () => outbox.retry('1' as Odd) } },
  'outbox.discard': { parameters: { id: () => outbox.discard('1' as Odd) } },
  'outbox.stats': 'takes nothing',
  'outbox.flush': refuses({ withinMs: '1' }, (input) => outbox.flush(input), { withinMs: 1 }),
  'outbox.close': 'takes nothing',
  'outbox.onRunEnded': 'is called by the library',
  'outbox.onReleased': 'is called by the library',
  'runLane.append': {
    parameters: {
      first: () => runLane.append(0, 1, ''),
      count: () => runLane.append(1, 0, ''),
      text: () => runLane.append(1, 1, 7 as Odd),
    },
  },
  'runLane.acknowledged': { parameters: { upTo: () => runLane.acknowledged('1' as Odd) } },
  'runLane.end': { parameters: { reason: () => runLane.end(7 as Odd) } },
  'runLane.idle': 'takes nothing',
  'runLane.lose': 'is called by the library',
  'runLane.lostForRoom': 'is called by the library',
  'runLane.close': 'is called by the library',
  'runLane.release': 'takes nothing',
  'reportLane.put': refuses<worker.ReportOptions>({ key: 7, at: '1', idempotencyKey: 7 }, (options) =>
    reportLane.put(null, options),
  ),
  'reportLane.idle': 'takes nothing',
  'reportLane.close': 'is called by the library',

  // decision links
  createDecisionLinks: refuses<decisionLinks.DecisionLinksOptions>(
    { keys: [7], url: 7, issuer: 7, audience: 7, clock: {} },
    (options) => decisionLinks.createDecisionLinks(options),
    { keys: secrets, url: 'https://chat.example/decide' },
  ),
  'links.createDecisionLink': refuses<decisionLinks.DecisionLinkInput>(
    { record: 7, action: 7, user: 7, decision: 'Approve', answers: 7, expiresAt: '1' },
    (input) => links.createDecisionLink(input),
    { record: { streamId: 's', generation: 1 }, action: linkable, user: 'ann' },
  ),
  createDecisionRouter: refuses<decisionLinks.DecisionRouterOptions<never>>(
    decisionRoutes,
    (options) => decisionLinks.createDecisionRouter(manager, options),
    { links, onResume },
  ),
  createDecisionHandler: refuses<decisionLinks.DecisionHandlerOptions>(
    { ...decisionRoutes, basePath: 'api' },
    (options) => decisionLinks.createDecisionHandler(manager, options),
    { links, onResume },
  ),
  tellOnce: { parameters: { ways: () => decisionLinks.tellOnce(manager, {} as never, 7 as Odd) } },

  // the other entries
  connectRedis: refuses<redis.ConnectRedisOptions>(
    { cluster: 'yes', connectTimeoutMs: '1', socketTimeoutMs: '1', onError: 7 },
    (options) => redis.connectRedis('redis://127.0.0.1:1', options),
  ),
  RedisJobStore: refuses(redisOptions, (options) => new redis.RedisJobStore(redisClient as Odd, options)),
  'RedisJobStore.raiseFormat': 'takes no options; see test/redis/format.test.ts',
  RedisEventTransport: refuses(
    redisOptions,
    (options) => new redis.RedisEventTransport(redisClient as Odd, options),
  ),
  createStreamRouter: refuses<express.StreamRouterOptions<never>>(
    { ...streamRoutes, framing: 'Close' },
    (options) => express.createStreamRouter(manager, options),
    { authorize },
  ),
  errorHandler: 'takes nothing',
  createStreamHandler: refuses<web.StreamHandlerOptions>(
    { ...streamRoutes, basePath: 'api' },
    (options) => web.createStreamHandler(manager, options),
    { authorize },
  ),
  textContent: refuses({ event: 7, field: 7 }, (options) => content.textContent(options)),
  graphContent: 'takes nothing',
  chatCompletionsContent: 'takes nothing',
  responsesContent: 'takes nothing',
  chatStreamId: 'takes an id',
  chatOf: 'takes a record',
  resumeChat: 'takes a function of the host',
  createChatRouter: refuses<aiSdk.ChatRouterOptions<aiSdk.ChatMessage, never>>(
    { ...chatRoutes, framing: 'Close' },
    (options) => aiSdk.createChatRouter(chats, options),
    chatHost,
  ),
  createChatHandler: refuses<aiSdk.ChatHandlerOptions<aiSdk.ChatMessage>>(
    { ...chatRoutes, basePath: 'api' },
    (options) => aiSdk.createChatHandler(chats, options),
    chatHost,
  ),
  fromUIMessageStream: refuses<aiSdk.FromUIMessageStreamOptions>(
    { keep: 7, labels: 7, usage: 7, requiresFinish: 'yes' },
    (options) => aiSdk.fromUIMessageStream([], options),
  ),
  chunksFromChatCompletions: refuses(chunksOf, (options) => aiSdk.chunksFromChatCompletions([], options)),
  chunksFromResponses: refuses(chunksOf, (options) => aiSdk.chunksFromResponses([], options)),
  chunksFromAnthropic: refuses(chunksOf, (options) => aiSdk.chunksFromAnthropic([], options)),
  toUIMessageStreamResponse: refuses<aiSdk.UIResponseOptions>({ ...uiStream, signal: {} }, (options) =>
    aiSdk.toUIMessageStreamResponse(subscription, options),
  ),
  pipeUIMessageStream: refuses<aiSdk.UIStreamOptions>(uiStream, (options) =>
    aiSdk.pipeUIMessageStream(subscription, {} as never, options),
  ),
  anthropicContent: 'takes nothing',

  // providers
  fromChatCompletions: refuses<openai.SourceOptions<object>>({ keep: 7, labels: 7 }, (options) =>
    openai.fromChatCompletions([], options),
  ),
  fromResponses: refuses<openai.SourceOptions<object>>({ keep: 7, labels: 7 }, (options) =>
    openai.fromResponses([], options),
  ),
  fromAnthropic: refuses<anthropic.SourceOptions<object>>({ keep: 7, labels: 7 }, (options) =>
    anthropic.fromAnthropic([], options),
  ),
  fromTextStream: { parameters: { stream: () => root.fromTextStream(7 as Odd) } },
  withoutRequest: 'takes an event of a provider',
  messageContent: 'takes nothing',
  messageText: 'takes content',
  uiMessageContent: 'takes nothing',
  uiMessageOf: 'takes content',
  createMetrics: refuses<metrics.MetricsOptions>(
    { registry: {}, prefix: 7 },
    (options) => metrics.createMetrics(options),
    { registry: new Registry() },
  ),
  runAgent: refuses(agentOptions, async (options) =>
    agents.runAgent(await started(), () => run, {}, options),
  ),
  resumeAgent: refuses(agentOptions, async (options) =>
    agents.resumeAgent(await started(), {} as Odd, () => run, options),
  ),
  createRunHandlers: refuses<agents.RunHandlersOptions>(
    {
      ...{ handlers: { on_run_step: () => {} }, onRefused: 7, storeOversized: 7, onToolResult: 7 },
      toEvent: 7,
    },
    (options) => agents.createRunHandlers(job, options),
  ),
  createCheckpointer: refuses<agents.CheckpointerOptions>(
    { mongo: undefined, saver: {}, dbName: 7, ttlMs: '1', maxBytes: '1', importPeer: 7 },
    (options) => agents.createCheckpointer(options),
  ),
  Checkpointer: 'is made by `createCheckpointer`',
  'Checkpointer.isPausedAt': 'takes no options',
  'Checkpointer.deleteThread': 'takes no options',
  'Checkpointer.checkWindow': 'takes no options',
  'Checkpointer.settling': 'hooks, which the manager’s constructor refuses',
  createToolPolicy: refuses<agents.ToolPolicyInput>(
    {
      ...{ endpoint: { enabeld: true }, agent: { mode: 'Deny' }, skills: 7, hooks: [7], rules: {} },
      onHookError: 7,
    },
    (input) => agents.createToolPolicy(input),
  ),
  toPendingAction: refuses<NonNullable<Parameters<typeof agents.toPendingAction>[1]>>(
    {
      resumeContext: ANY,
      sdkVersion: 7,
      discoveredTools: 7,
      expiresInMs: '1',
      fingerprint: 7,
      run: 0,
      heard: 0,
    },
    (options) => agents.toPendingAction(interrupt, options),
  ),
  onceTool: refuses<NonNullable<Parameters<typeof agents.onceTool>[2]>>(
    { idempotent: 'yes', discreet: 'yes' },
    (options) => agents.onceTool({ job, receiptKey: (id) => id }, () => 1, options),
  ),
  threadIdOf: 'takes a job',
  hostContextOf: 'takes an action',
  // standing decisions
  createStandingDecisions: refuses<standing.StandingDecisionsInput>(
    { store: {}, matches: 7, mayGive: 7, mostRules: '1', expiresInMs: '1', entropy: {} },
    (input) => standing.createStandingDecisions(input),
    { store: standing.createMemoryRules() },
  ),
  createMemoryRules: refuses<standing.MemoryRulesOptions>({ clock: {} }, (options) =>
    standing.createMemoryRules(options),
  ),
  createRedisRules: refuses<standing.RedisRulesOptions>(
    { redis: {}, keyPrefix: 7, timeoutMs: '1' },
    (options) => standing.createRedisRules(options),
    { redis: redisClient as Odd },
  ),
  createMongoRules: refuses<standing.MongoRulesOptions>(
    { mongo: {}, dbName: 7, collection: 7, clock: {} },
    (options) => standing.createMongoRules(options),
    { mongo: { getClient() {} } },
  ),
  'rules.add': refuses<standing.RuleInput>(
    {
      ...{ tool: 7, match: 7, scope: 'User', tenantId: 7, userId: 7, conversationId: 7, givenBy: 7 },
      ...{ ruleId: 7, expiresInMs: '1', budget: '1' },
    },
    (input) => rules.add(input),
    { tool: 't', match: { kind: 'exact', arguments: {} }, scope: 'user', userId: 'ann', givenBy: 'ann' },
  ),
  'rules.remember': refuses<standing.RememberInput>(
    { scope: 'User', requests: 7, conversationId: 7, expiresInMs: '1', budget: '1' },
    (how) => rules.remember({ record: { streamId } as root.JobRecord }, how),
    { scope: 'user' },
  ),
  'rules.list': refuses<standing.RuleOwner>(access, (owner) => rules.list(owner)),
  'rules.revoke': { parameters: { ruleId: () => rules.revoke({ userId: 'ann' }, 7 as Odd) } },
  'rules.allows': refuses<standing.RuleCall>(
    { job: {}, tool: 7, arguments: ANY, callId: 7, conversationId: 7 },
    (call) => rules.allows(call),
    { job, tool: 't', callId: 'c' },
  ),
  'rules.of': refuses<{ conversationId?: string }>({ conversationId: 7 }, (options) =>
    rules.of(job, options),
  ),
  'rules.uses': refuses<{ limit?: number; cursor?: string }>({ limit: '1', cursor: 7 }, (page) =>
    rules.uses({ userId: 'ann' }, page),
  ),
  'rules.deleteUser': refuses(access, (user) => rules.deleteUser(user), { userId: 'nobody' }),
  'rules.deleteConversation': refuses(
    { ...access, conversationId: 7 },
    (conversation) => rules.deleteConversation(conversation),
    { userId: 'nobody', conversationId: 'c' },
  ),
  createMemoryTranscripts: refuses(storeOptions, (options) => transcripts.createMemoryTranscripts(options)),
  createFileTranscripts: refuses<transcripts.FileTranscriptsOptions>(
    { ...storeOptions, folder: 7 },
    (options) => transcripts.createFileTranscripts(options),
    { folder: 'transcripts' },
  ),
  createMongoTranscripts: refuses<transcripts.MongoTranscriptsOptions>(
    { ...storeOptions, mongo: {}, dbName: 7, collection: 7 },
    (options) => transcripts.createMongoTranscripts(options),
    { mongo: { getClient: () => null } },
  ),
  transcriptsOf: refuses<transcripts.TranscriptRun>(
    { tenantId: 7, agentId: 7, conversationId: 7, runId: 7, startedAt: '1' },
    (of) => transcripts.transcriptsOf(transcriptStore, of),
    { agentId: 'a', conversationId: 'c' },
  ),
  remoteTranscripts: refuses<transcripts.RemoteTranscriptsOptions>(
    { url: 'chat.example', token: '', fetch: 7 },
    (options) => transcripts.remoteTranscripts(options),
    { url: 'https://chat.example', token: 't' },
  ),
  createTranscriptRouter: refuses<transcripts.TranscriptRouteOptions<never>>({ authorize: 7 }, (options) =>
    transcripts.createTranscriptRouter(transcriptStore, options),
  ),
  createTranscriptHandler: refuses<transcripts.TranscriptRouteOptions<Request>>({ authorize: 7 }, (options) =>
    transcripts.createTranscriptHandler(transcriptStore, options),
  ),
  openAgentLog: refuses<worker.AgentLogOptions>(
    { folder: 7, agentId: 7, level: 'Info', maxBytes: '1', importPeer: 7, clock: {} },
    (options) => worker.openAgentLog(options),
    { folder: join(tmpdir(), 'never-made'), agentId: 'a' },
  ),
  startControlServer: refuses<worker.ControlServerOptions>(
    { portFile: 7, log: {}, status: 7, onHookFatal: 7, onError: 7, port: '1', clock: {} },
    (options) => worker.startControlServer(options),
    { portFile: 'port', log: { level: 'info', levels: [] }, status: () => null, onHookFatal: () => {} },
  ),
  hookGuard: refuses<worker.HookGuardOptions>(
    { hook: 7, portFile: 7 },
    (options) => worker.hookGuard(options),
    { hook: 'h', portFile: 'port' },
  ),
  SnapshotCache: refuses<worker.SnapshotCacheOptions<unknown>>(
    {
      ...{ read: 7, debounceMs: '1', refreshMs: '1', readMs: '1', retryMs: '1', onError: 7, clock: {} },
      entropy: {},
    },
    (options) => new worker.SnapshotCache(options),
    { read: async () => null },
  ),
  hydrateTranscript: refuses(bounds, (options) => transcripts.hydrateTranscript(transcriptsOfRun, options), {
    file: 'session.jsonl',
  }),
  saveTranscript: refuses<transcripts.SaveOptions>(
    { ...bounds, outcome: 7, clears: '1' },
    (options) => transcripts.saveTranscript(transcriptsOfRun, options),
    { file: 'session.jsonl', outcome: 'completed' },
  ),
  clearTranscripts: refuses<transcripts.ClearOptions>(clearBounds, (options) =>
    transcripts.clearTranscripts(transcriptsOfRun, options),
  ),
  readTranscript: refuses<transcripts.ReadTranscriptOptions>(
    { last: '1', maxBytes: '1', logger: {} },
    (options) => transcripts.readTranscript(new Uint8Array(), options),
  ),
  standingHandOver: 'is for stores, which have made what they give it',
  feedKey: 'takes no options',
  streamKey: 'takes no options',
  userKey: 'takes no options',
  createWorkerRouter: refuses<gateway.WorkerRouterOptions>(
    gatewayOptions,
    (options) => gateway.createWorkerRouter(manager, options),
    { keys: secrets },
  ),
  createWorkerHandler: refuses<gateway.WorkerHandlerOptions>(
    { ...gatewayOptions, basePath: 'api' },
    (options) => gateway.createWorkerHandler(manager, options),
    { keys: secrets },
  ),
  createWorkerClient: refuses<worker.WorkerClientInput>(
    {
      ...{ url: 'nowhere', token: 7, outbox: {}, requestMs: '1', startMs: '1', onError: 7, logger: 7 },
      ...{ fetch: 7, clock: {}, entropy: {} },
    },
    (input) => worker.createWorkerClient(input),
    { url: 'http://127.0.0.1:1', token: 't' },
  ),
  issueRunToken: refuses<gateway.IssueRunTokenOptions>(
    {
      ...{ keys: 7, agentId: '', audience: 7, expiresInMs: '1', workerLeaseMs: 1, conversationId: 7 },
      ...{ transcripts: 7, waiting: 'yes' },
    },
    async (options) => gateway.issueRunToken(await started(), options),
    { keys: secrets, agentId: 'a' },
  ),
  workerLost: refuses<Parameters<typeof gateway.workerLost>[1]>(
    { tenantId: 7, streamId: 7, generation: '1', attempt: '1' },
    (run) => gateway.workerLost(manager, run),
    { streamId: 's', generation: 1, attempt: 1 },
  ),
  verifyRunToken: refuses<gateway.VerifyRunTokenOptions>(
    { keys: [{ id: 'k', secret: 'short' }], audience: 7, graceMs: '1' },
    (options) => gateway.verifyRunToken('token', options),
    { keys: secrets },
  ),
  describeStoreContract: 'is for tests',
  describeStreamContract: 'is for tests',
  describeRuleStoreContract: 'is for tests',
  backendOnFakeTime: 'is for tests',
  backendOnRealTime: 'is for tests',
  FakeClock: 'is for tests',
  turns: 'is for tests',
  firstReplies: 'is for tests',
  lossyStore: 'is for tests',
  lossyTransport: 'is for tests',
  unknownOutcome: 'is for tests',
  until: 'is for tests',
  wrapStore: 'is for tests',
  addUsage: 'takes what a model counted, by its known keys',
  usageCallbacks: 'takes labels, which `job.addUsage` checks',
};

/** Those that its class inherits among them. */
function methodsOf(prototype: object): string[] {
  const above = Object.getPrototypeOf(prototype);
  const own = Object.entries(Object.getOwnPropertyDescriptors(prototype))
    .filter(([name, { value }]) => typeof value === 'function' && name !== 'constructor')
    .map(([name]) => name);
  return above === null || above === Object.prototype ? own : [...own, ...methodsOf(above)];
}

/** Methods of the two ports are called by managers; what a store of ours has beyond them is called by hosts. */
const PORTS = new Set([
  ...methodsOf(root.InMemoryJobStore.prototype),
  ...methodsOf(root.InMemoryEventTransport.prototype),
  'nodeOf',
]);
const INSTANCES = {
  ...{
    manager,
    approvals: manager.approvals,
    inbox: manager.inbox,
    queue: manager.queue,
    jobInbox: job.inbox,
    upkeep: manager.upkeep,
    job,
    subscription,
  },
  ...{ outbox, runLane, reportLane, streamClient, links },
  ...{ outbox, runLane, reportLane, streamClient, rules },
};

/** Who has an instance's methods: its class, or itself. */
function holderOf(instance: object): object {
  const prototype = Object.getPrototypeOf(instance);
  return prototype === Object.prototype ? instance : prototype;
}

function publicCalls(): string[] {
  const entries = [
    ...[
      root,
      agents,
      aiSdk,
      anthropic,
      content,
      express,
      metrics,
      openai,
      ports,
      contract,
      redis,
      testing,
      web,
    ],
    ...[transcripts, worker, gateway, client, react, decisionLinks],
    ...[transcripts, worker, gateway, client, react, standing],
  ];
  const exported = entries.flatMap((entry) =>
    Object.entries(entry).filter(([, value]) => typeof value === 'function'),
  );
  const classes = { ...Object.fromEntries(Object.entries(redis)), Checkpointer: agents.Checkpointer };
  return [
    ...exported.map(([name]) => name),
    ...Object.entries(INSTANCES).flatMap(([owner, instance]) =>
      methodsOf(holderOf(instance)).map((name) => `${owner}.${name}`),
    ),
    ...Object.entries(classes).flatMap(([owner, value]) =>
      typeof value !== 'function' || !('prototype' in value)
        ? []
        : methodsOf(value.prototype as object)
            .filter((name) => !PORTS.has(name))
            .map((name) => `${owner}.${name}`),
    ),
  ];
}

/** What a call says of a mistake; an agent's run, which never rejects, says it in its answer. */
async function saidBy(call: () => unknown): Promise<string> {
  try {
    const { error } = (await call()) as { error?: unknown };
    if (!root.isGenerationJobError(error)) return 'accepted';
    return `${error.code}: ${error.message}`;
  } catch (error) {
    const isOurs = root.isGenerationJobError(error) || error instanceof client.StreamClientError;
    return isOurs ? `${error.code}: ${error.message}` : String(error);
  }
}

const REFUSED = /^invalid_(options|argument|action|stream_id): /;

it('every public call is in the table of what it refuses', () => {
  expect([...new Set(publicCalls())].sort()).toEqual(Object.keys(TABLE).sort());
});

const rows = Object.entries(TABLE);
const withOptions = rows.flatMap(([name, row]) =>
  typeof row === 'object' && 'call' in row ? [{ name, ...row }] : [],
);
const withParameters = rows.flatMap(([name, row]) =>
  typeof row === 'object' && 'parameters' in row ? [{ name, ...row }] : [],
);

describe.each(withOptions)('$name', ({ wrong, base, call }) => {
  it('refuses a misspelt key by name, with the nearest that is known', async () => {
    for (const key of Object.keys(wrong)) {
      const said = await saidBy(() => call({ ...base, [`${key}x`]: 1 } as Odd));
      expect(said).toMatch(REFUSED);
      expect(said).toContain(`"${key}x" is not known, did you mean "${key}"?`);
    }
  });

  it('refuses a value of the wrong kind by its key', async () => {
    for (const [key, value] of Object.entries(wrong)) {
      if (value === ANY) continue;
      const said = await saidBy(() => call({ ...base, [key]: value } as Odd));
      expect([key, said]).toEqual([key, expect.stringMatching(REFUSED)]);
      expect(said).toContain(key);
    }
  });

  it('refuses what are no options at all', async () => {
    for (const value of [7, null]) expect(await saidBy(() => call(value as Odd))).toMatch(REFUSED);
  });
});

describe.each(withParameters)('$name', ({ parameters }) => {
  it('refuses a parameter of the wrong kind by its name', async () => {
    for (const [parameter, call] of Object.entries(parameters)) {
      const said = await saidBy(call);
      expect(said).toMatch(REFUSED);
      expect(said).toContain(parameter);
    }
  });
});
