/**
 * Puts the example together: one manager, the library's routes, the chat's own, the page, health and metrics. Nothing
 * here listens; server.ts does.
 */
import { join } from 'node:path';
import express, { type Express } from 'express';
import { createStreamServices, defineContentModel, GenerationJobManager } from 'generation-jobs';
import { createStreamRouter } from 'generation-jobs/express';
import { createMetrics } from 'generation-jobs/metrics';
import type { Logger } from 'pino';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { Answers } from './answers.js';
import { chatRoutes } from './chat-routes.js';
import type { Config } from './config.js';
import { Conversations } from './conversations.js';
import { identityOf } from './identity.js';
import { type ChatContent, foldContent, initialContent } from './page/chat-content.js';
import { pageRoutes } from './page-routes.js';
import { readRecordings } from './recordings.js';
import { errorHandler, notFound } from './replies.js';

export interface ChatApp {
  readonly app: Express;
  readonly manager: GenerationJobManager;
}

/** `folder` is the example's own: where the recordings and the page are. */
export function createChatApp(folder: string, config: Config, logger: Logger): ChatApp {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const conversations = new Conversations();
  const recordings = readRecordings(join(folder, 'recordings'));
  const manager = createManager(registry, conversations, logger);
  const answers = new Answers({ manager, recordings, conversations, config, logger });

  const app = express();
  app.disable('x-powered-by');
  app.get('/healthz', (_request, response) => {
    response.status(manager.isDraining ? 503 : 200).json({ status: manager.isDraining ? 'draining' : 'ok' });
  });
  app.get('/metrics', async (_request, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  });
  const { bodyBytes } = manager.parts.options.limits;
  const liveModel = config.openAi?.model;
  app.use('/api/chat', chatRoutes({ answers, conversations, recordings, liveModel, bodyBytes }));
  app.use('/api/chat', createStreamRouter(manager, { authorize: identityOf }));
  app.use(pageRoutes({ sources: join(folder, 'page'), compiled: join(folder, 'dist', 'page') }));
  app.use(notFound);
  app.use(errorHandler(logger));
  return { app, manager };
}

function createManager(
  registry: Registry,
  conversations: Conversations,
  logger: Logger,
): GenerationJobManager {
  return new GenerationJobManager({
    ...createStreamServices(),
    observer: createMetrics({ registry }),
    logger,
    contentModels: [defineContentModel({ name: 'chat', initial: initialContent, fold: foldContent })],
    hooks: {
      describeEnd: (_record, content) => ({ text: (content as ChatContent).text }),
      settle: ({ record, content }) => {
        const { streamId, generation, status, error } = record;
        const turn = { ...(content as ChatContent), generation, status, code: error?.code ?? '' };
        conversations.save(record, streamId, turn);
      },
    },
  });
}
