/**
 * Puts the example together: one manager, the library's routes, the chat's own, the page, health and metrics. Nothing
 * here listens; replica.ts does.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import express, { type Express, type RequestHandler } from 'express';
import {
  defineContentModel,
  GenerationJobManager,
  type GenerationJobOptions,
  type Hooks,
  type JobRecord,
} from 'generation-jobs';
import { uiMessageContent } from 'generation-jobs/content';
import { createDecisionLinks, createDecisionRouter, tellOnce } from 'generation-jobs/decision-links';
import { createStreamRouter } from 'generation-jobs/express';
import { createMetrics } from 'generation-jobs/metrics';
import { createStandingDecisions } from 'generation-jobs/rules';
import { createWorkerRouter } from 'generation-jobs/worker/gateway';
import type { Logger } from 'pino';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { aiRoutes, goOn as goOnWithAi } from '../ai/ai-routes.js';
import { fingerprintOfRun, RecordedAnswers, type Wish } from '../ai/recorded-answers.js';
import type { Conversations } from '../conversations/conversations.js';
import {
  type ChatContent,
  foldContent,
  initialContent,
  restartedContent,
} from '../page/content/chat-content.js';
import type { Agent } from '../playing/agent.js';
import { Answers } from '../playing/answers.js';
import { labelOf } from '../playing/commands.js';
import { DEMOS } from '../playing/demos.js';
import { judge } from '../playing/judgement.js';
import { recordedScripts } from '../playing/recorded-scripts.js';
import { readRecordings } from '../playing/recordings.js';
import type { Script } from '../playing/scripts.js';
import { Worker } from '../playing/worker.js';
import { Pushing } from '../telling/pushing.js';
import { chatRoutes } from './chat-routes.js';
import type { Config } from './config.js';
import { identityOf } from './identity.js';
import { pageRoutes } from './page-routes.js';
import { pushRoutes } from './push-routes.js';
import { errorHandler, notFound } from './replies.js';
import type { Storage } from './storage.js';

export interface ChatApp {
  readonly app: Express;
  readonly manager: GenerationJobManager;
  /** Makes the answers, if there is one. */
  readonly worker: Worker | undefined;
}

export interface ChatParts {
  readonly storage: Storage;
  /** Answers when no recording is asked for. */
  readonly agent: Agent | undefined;
  readonly logger: Logger;
}

/**
 * Servers may be killed as often as one likes to see it. The library's own limit of one is for producers whose repetition
 * costs something.
 */
const MOST_RECOVERIES = 10;

/** `folder` is the example's own: where the recordings and the page are. */
export function createChatApp(
  folder: string,
  config: Config,
  { storage, agent, logger }: ChatParts,
): ChatApp {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const { conversations } = storage;
  const recordings = readRecordings(join(folder, 'recordings'));
  const scripts = new Map([...recordedScripts(recordings), ...DEMOS]);
  const aiAnswers = new RecordedAnswers(recordings);
  const rules = createStandingDecisions({ store: storage.rules });
  const keys = [{ id: 'example', secret: config.runTokenSecret }];
  const links = createDecisionLinks({ keys, url: `http://localhost:${config.port}/api/chat/decide` });
  const { pushServices: services, runTokenSecret: secret } = config;
  const pushing = new Pushing({ secret, links, subscriptions: storage.subscriptions, services, logger });
  const hooks: Hooks = {
    ...hooksFor(conversations, scripts, config.saveMs),
    onPaused: async (paused) => {
      if (!(await pushing.reaches(paused.record))) return;
      await tellOnce(manager, paused, { push: (one) => pushing.tell(one) });
    },
    startQueued: (job, queued) => answers.startQueued(job, queued),
    ...(config.recovers && {
      recover: (job, continuation) =>
        wishOf(continuation.record)
          ? goOnWithAi(aiAnswers, job, continuation)
          : answers.takeOver(job, continuation),
    }),
  };
  const manager = new GenerationJobManager({
    ...storage.services,
    options: optionsFrom(config),
    rules,
    observer: createMetrics({ registry }),
    logger,
    contentModels: [
      defineContentModel({
        name: 'chat',
        initial: initialContent,
        fold: foldContent,
        restart: restartedContent,
      }),
      uiMessageContent(),
    ],
    hooks: agent?.settling(hooks) ?? hooks,
  });
  const worker = config.worker
    ? new Worker({
        ...{ manager, keys, logger, replica: config.replica, leaseMs: config.workerLeaseMs },
        outlives: storage.kind === 'redis',
      })
    : undefined;
  const { openAi, command } = config;
  const making = { scripts, openAi, rules, logger };
  const answers = new Answers({ ...making, manager, conversations, agent, command, worker });

  const app = express();
  app.disable('x-powered-by');
  app.use((_request, response, next) => {
    response.set('x-replica', config.replica);
    next();
  });
  app.get('/healthz', healthOf(manager, storage, config.replica));
  app.get('/metrics', async (_request, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  });
  if (worker) app.use('/worker', createWorkerRouter(manager, { keys }));
  const model = openAi?.model;
  const liveModel = command
    ? labelOf(command)
    : agent === undefined
      ? model
      : `agent with ${model ?? 'a scripted model'}`;
  const names = [...recordings.keys()];
  app.use('/api/chat', chatRoutes({ manager, answers, conversations, recordings: names, liveModel }));
  app.use(
    '/api/chat',
    createStreamRouter(manager, {
      authorize: identityOf,
      onResume: (job, continuation) => answers.goOn(job, continuation),
      messages: true,
      // Its readers are few: whoever has lost a connection may come back soon.
      retryMs: 250,
    }),
  );
  app.use(
    '/api/chat',
    createDecisionRouter(manager, {
      links,
      onResume: (job, continuation) =>
        wishOf(continuation.record)
          ? goOnWithAi(aiAnswers, job, continuation)
          : answers.goOn(job, continuation),
    }),
  );
  app.use('/api/push', pushRoutes(pushing));
  app.use('/api/ai', aiRoutes({ manager, answers: aiAnswers, authorize: identityOf }));
  app.use(pageRoutes({ sources: join(folder, 'page'), compiled: join(folder, 'dist', 'page') }));
  app.use(notFound);
  app.use(errorHandler(logger));
  return { app, manager, worker };
}

/** A shorter lease needs everything that is timed by it to be shorter. */
function optionsFrom({ leaseMs, approvalMs: approvalWindowMs }: Config): GenerationJobOptions {
  const options = {
    feed: true,
    maxRecoveries: MOST_RECOVERIES,
    ...(approvalWindowMs !== undefined && { approvalWindowMs }),
  };
  if (leaseMs === undefined) return options;
  return { ...options, leaseMs, renewMs: Math.floor(leaseMs / 3), sweepMs: Math.min(1000, leaseMs) };
}

function hooksFor(conversations: Conversations, scripts: ReadonlyMap<string, Script>, saveMs: number): Hooks {
  return {
    describeEnd: (record, content) => (wishOf(record) ? null : { text: (content as ChatContent).text }),
    settle: async ({ record, content, signal }) => {
      // The pages of the AI SDK keep their messages themselves.
      if (wishOf(record)) return;
      const { streamId, generation, status, error } = record;
      const turn = { ...(content as ChatContent), generation, status, code: error?.code ?? '' };
      if (saveMs > 0) await pause(saveMs, undefined, { signal });
      await conversations.save(record, streamId, turn);
    },
    // A scripted answer goes on where it stood; an agent that was not stopped by a question starts over.
    recoverMode: ({ metadata, resumedAction }) =>
      metadata.agent === true && resumedAction === undefined ? 'restart' : 'continue',
    beforeResolve: (proposed) => {
      const [wish, judged] = [wishOf(proposed.record), judge(proposed, scripts)];
      return wish && judged ? { fingerprint: fingerprintOfRun(wish) } : judged;
    },
  };
}

/** What a page that speaks the AI SDK's protocol wished for; undefined of the answers of our own page. */
function wishOf({ metadata }: Pick<JobRecord, 'metadata'>): Wish | undefined {
  return (metadata as { ai?: Wish }).ai;
}

/** Says no as soon as new requests are better sent elsewhere. */
function healthOf(manager: GenerationJobManager, storage: Storage, replica: string): RequestHandler {
  return async (_request, response) => {
    const state = manager.isDraining
      ? 'draining'
      : (await storage.isReachable())
        ? 'ok'
        : 'redis_unavailable';
    response.set('cache-control', 'no-store');
    const answer = { ok: state === 'ok', replica, store: storage.kind };
    response.status(answer.ok ? 200 : 503).json(answer.ok ? answer : { ...answer, reason: state });
  };
}
