/**
 * The examples in doc comments are compiled, as strictly as TypeScript can, against the built package; and each call that
 * users begin with has one.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compile, programFolder, ROOT, writeFiles } from '../support/programs.js';

/** What the examples speak of, and what they would import. */
const SETTING = `
declare global {
  type Identity = import('generation-jobs/express').Identity;
  const manager: import('generation-jobs').GenerationJobManager;
  const job: import('generation-jobs').GenerationJob;
  const action: import('generation-jobs').PublicAction;
  const app: import('express').Express;
  const answer: AsyncIterable<string>;
  const model: { stream(options: { signal: AbortSignal }): AsyncIterable<string> };
  const question: string;
  const openai: import('openai').OpenAI;
  const anthropic: import('@anthropic-ai/sdk').Anthropic;
  const input: string;
  const prompt: string;
  const messages: { role: 'user'; content: string }[];
  function streamText(options: object): ReturnType<typeof import('ai').streamText>;
  const convertToModelMessages: typeof import('ai').convertToModelMessages;
  const stream: AsyncIterable<import('openai/resources/responses/responses').ResponseStreamEvent>;
  const chat: { id: string };
  const userId: string;
  const rules: import('generation-jobs/rules').StandingDecisions;
  const mail: { to: string };
  const redis: import('ioredis').Redis;
  const services: import('generation-jobs').StreamServices;
  const authorize: (request: object) => Identity | null;
  const onMessage: import('generation-jobs/ai-sdk').OnMessage;
  const onResume: import('generation-jobs/ai-sdk').OnChatResume;
  const database: { save(messageId: string | undefined, message: unknown): Promise<void> };
  const url: string;
  const token: string;
  const child: import('node:child_process').ChildProcess;
  const { streamId, generation, attempt }: import('generation-jobs/worker/gateway').IssuedRun;
  const keys: import('generation-jobs/worker/gateway').RunTokenKeys;
  const socket: { send(text: string): void; on(event: 'message', listener: (data: unknown) => void): void };
  const mongoose: { connection: import('generation-jobs/transcripts').MongooseLike };
  const store: import('generation-jobs/transcripts').TranscriptStore;
  const transcripts: import('generation-jobs/transcripts').RunTranscripts;
  const tenantId: string;
  const portFile: string;
  const script: string;
  const log: import('generation-jobs/worker').LogLevel;
  const record: import('generation-jobs').JobRecord;
  const links: import('generation-jobs/decision-links').DecisionLinks;
  function sendMail(paused: import('generation-jobs').PausedInput): Promise<void>;
  function sendPush(action: import('generation-jobs').PendingAction): Promise<void>;
  function askForApprovals(signal: AbortSignal): Promise<string[]>;
  function conversationOf(request: object): { agentId: string; conversationId: string } | null;
  function answerTo(question: string): AsyncIterable<string>;
  function goOn(job: import('generation-jobs').GenerationJob, from: import('generation-jobs').Continuation): Promise<void>;
  function expect(value: unknown): { toEqual(other: unknown): void };
  function charge(amount: number, options: object): Promise<object>;
  function show(content: unknown): void;
  function useTokens(tokens: unknown): void;
  function apply(event: import('generation-jobs').StreamEvent): void;
  namespace Express {
    interface Request {
      user: { id: string };
    }
  }
  function sessionOf(request: object): Identity | null;
  function userOf(request: object): string;
}
export {};
`;
const IMPORTS = `
import { readFile, writeFile } from 'node:fs/promises';
import { createSeal, createStreamServices, defineContentModel, fromTextStream, GenerationJobManager, type Hooks } from 'generation-jobs';
import {
  chatOf,
  chatStreamId,
  chunksFromResponses,
  createChatHandler,
  createChatRouter,
  type ChatInput,
  fromUIMessageStream,
  pipeUIMessageStream,
  resumeChat,
  toUIMessageStreamResponse,
} from 'generation-jobs/ai-sdk';
import { createDecisionHandler, createDecisionLinks, createDecisionRouter, tellOnce } from 'generation-jobs/decision-links';
import { anthropicContent, fromAnthropic } from 'generation-jobs/anthropic';
import { createStreamClient, followFeed, followStream } from 'generation-jobs/client';
import type { UIMessage } from 'ai';
import { textContent, type UIMessageContent, uiMessageContent, uiMessageOf } from 'generation-jobs/content';
import {
  chatCompletionsContent,
  fromChatCompletions,
  fromResponses,
  responsesContent,
  withoutRequest,
} from 'generation-jobs/openai';
import { useGeneration } from 'generation-jobs/react';
import { createStreamRouter, errorHandler } from 'generation-jobs/express';
import { connectRedis } from 'generation-jobs/redis';
import { createMongoRules, createRedisRules, createStandingDecisions } from 'generation-jobs/rules';
import { until } from 'generation-jobs/testing';
import {
  clearTranscripts,
  createFileTranscripts,
  createMongoTranscripts,
  createTranscriptRouter,
  hydrateTranscript,
  readTranscript,
  remoteTranscripts,
  saveTranscript,
  transcriptsOf,
} from 'generation-jobs/transcripts';
import { createStreamHandler } from 'generation-jobs/web';
import {
  createMessageFile,
  createWorkerClient,
  hookGuard,
  openAgentLog,
  openOutbox,
  runAgentProcess,
  SnapshotCache,
  startControlServer,
} from 'generation-jobs/worker';
import { createWorkerHandler, createWorkerRouter, issueRunToken, workerLost } from 'generation-jobs/worker/gateway';
import Database from 'libsql';
`;
/** Each by the words its declaration begins with. */
const FIRST_CALLS = [
  'new <Types',
  'createStreamServices',
  'createJob(',
  'run(',
  'emit(',
  'pipe(',
  'subscribe(',
  'abortJob(',
  'pause(',
  'resolve(',
  'createStreamRouter',
  'defineContentModel',
];

interface Example {
  readonly file: string;
  readonly code: string;
  /** The line after the comment. */
  readonly declaration: string;
}

const examples = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .flatMap((file) => examplesIn(file, readFileSync(join(ROOT, 'src', file), 'utf8')));

describe('the examples in doc comments', () => {
  it.each(FIRST_CALLS)('show each call that users begin with: %s', (call) => {
    const shown = examples.filter(({ declaration }) =>
      declaration.replace(/^(export )?(async )?(function )?/, '').startsWith(call),
    );
    expect(shown).not.toHaveLength(0);
  });

  it('compile', () => {
    const folder = programFolder();
    const files = examples.map(({ file, code }, index) => [
      `${file.replace(/\W/g, '-')}-${index}.ts`,
      `${IMPORTS}\nexport async function example(): Promise<void> {\n${code}\n}\n`,
    ]);
    writeFiles(folder, { 'setting.ts': SETTING, ...Object.fromEntries(files) });
    compile(folder, { noUnusedLocals: false });
  });
});

function examplesIn(file: string, source: string): Example[] {
  return [...source.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*?)@example\n([\s\S]*?)\*\/\s*(.*)/g)].map(
    ([, , text = '', declaration = '']) => {
      const [code = ''] = text.replace(/^\s*\* ?/gm, '').split(/^@/m);
      return { file, code, declaration };
    },
  );
}
