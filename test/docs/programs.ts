/**
 * The programs in the documents: every TypeScript block, as a file, with what its chapter has introduced before it.
 */
import { basename } from 'node:path';
import { compile, programFolder, writeFiles } from '../support/programs.js';
import { type CodeBlock, codeBlocks, markdownFiles, read } from './markdown.js';

/** What fragments speak of. */
const SETTING = `
import type { Express, Request } from 'express';
import type * as jobs from 'generation-jobs';
import type { CreateRun, GraphHandler } from 'generation-jobs/agents';
import type { Authorize } from 'generation-jobs/express';
declare global {
  const manager: jobs.GenerationJobManager;
  const services: jobs.StreamServices;
  const job: jobs.GenerationJob;
  const app: Express;
  const server: import('node:http').Server;
  const outbox: import('generation-jobs/worker').Outbox;
  const client: import('generation-jobs/worker').WorkerClient;
  const authorize: Authorize<Request>;
  const text: string;
  const question: string;
  const url: string;
  const token: string;
  const generation: number;
  const attempt: number;
  const child: import('node:child_process').ChildProcess;
  const queue: { push(item: object): Promise<void> };
  const database: import('generation-jobs/worker').SqliteDatabase;
  function answerTo(question: string): AsyncIterable<string>;
  function ask(job: jobs.GenerationJob): Promise<void>;
  function decided(decision: import('generation-jobs/worker').Decision): Promise<void>;
  const streamId: string;
  const answer: { textContent: string };
  function show(): void;
  function accessToken(options: { fresh: boolean }): Promise<string>;
  const userId: string;
  const actionId: string;
  const payloadDigest: string;
  function askModel(signal: AbortSignal): AsyncIterable<jobs.HostEvent>;
  function askAgain(metadata: object): AsyncIterable<jobs.HostEvent>;
  function askProvider(signal: AbortSignal): AsyncIterable<{ type: string; text: string }>;
  function goOn(job: jobs.GenerationJob, continuation: jobs.Continuation): Promise<void>;
  function makeStream(): ReadableStream<string>;
  const usage: { input_tokens: number; input_token_details: { cache_read: number } };
  function startModel(given: {
    signal: AbortSignal;
  }): AsyncIterable<jobs.HostEvent> & { usage(): Promise<Record<string, number>> };
  function verify(token: string): Promise<string>;
  const agent: { provider: string; clientOptions: object; instructions: string; toolDefinitions: object[] };
  const executeTools: GraphHandler;
  function saveMessage(record: jobs.JobRecord, content: unknown): Promise<void>;
  function promptOf(continuation: jobs.Continuation): object;
}
`;

/** The part of it that the recipe uses: its types bring half of a cloud's SDK. */
const NODEMAILER = `
declare module 'nodemailer' {
  const nodemailer: { createTransport(url: string): { sendMail(mail: Readonly<Record<string, string>>): Promise<unknown> } };
  export default nodemailer;
}
`;

/** Half a gigabyte that only the tests of real agents install. */
const AGENT_SDK = `
declare module '@librechat/agents' {
  export class HookRegistry {
    register(event: string, entry: object): void;
  }
  export class HumanMessage {
    constructor(text: string);
  }
  export const Run: { create(setup: object): Promise<import('generation-jobs/agents').RunLike> };
}
`;

export interface DocumentBlock extends CodeBlock {
  /** Where it stands, as the name of a file without its ending. */
  readonly name: string;
}

const documents = markdownFiles().filter((file) => /^(README\.md|CONTRIBUTING\.md|docs[/\\].+)$/.test(file));

export const blocks: readonly DocumentBlock[] = documents.flatMap((file) =>
  codeBlocks(read(file)).map((block, index) => ({
    ...block,
    name: block.marks.file?.replace(/\.ts$/, '') ?? `${basename(file, '.md')}-${index + 1}`,
  })),
);

/** Programs whose packages are only in test/recipes. */
export function isHeavy({ marks, code }: DocumentBlock): boolean {
  return marks.next !== undefined || /from '(hono|fastify|@jest\/globals)/.test(code);
}

/** @throws with what the compiler says */
export function compiledPrograms(): string {
  const folder = programFolder();
  const programs = blocks.filter((block) => block.language === 'ts' && !isHeavy(block));
  writeFiles(folder, { 'setting.ts': SETTING, 'agent-sdk.d.ts': AGENT_SDK, 'nodemailer.d.ts': NODEMAILER });
  writeFiles(
    folder,
    Object.fromEntries(programs.map(({ name, code }) => [`${name}.ts`, `${code}\nexport {};\n`])),
  );
  compile(folder, { noUnusedLocals: false });
  return folder;
}

export function blockMarked(mark: string, value: string): DocumentBlock {
  const found = blocks.find(({ marks }) => marks[mark] === value);
  if (found === undefined) throw new Error(`no document has a block with ${mark}=${value}`);
  return found;
}
