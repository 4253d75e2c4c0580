/**
 * A real agent behind the chat (`--agent`): its SDK lies in a package of its own, which is installed when it is first
 * wanted. Runs, pauses and resumes go through the library's bridge; this only says which agent, and with which tools.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Continuation, GenerationJob, Hooks } from 'generation-jobs';
import {
  type Checkpointer,
  type CreateRun,
  createCheckpointer,
  createToolPolicy,
  type GraphHandlers,
  type MongooseConnection,
  resumeAgent,
  runAgent,
  type ToolPolicy,
} from 'generation-jobs/agents';
import type { Logger } from 'pino';
import type { OpenAiConfig } from './openai.js';

/** Which model the agent asks, and where it keeps what it was doing when it paused. */
export interface AgentSettings {
  /** A scripted model when not given. */
  readonly openAi: OpenAiConfig | undefined;
  /** In memory when not given. */
  readonly mongoUrl: string | undefined;
}

/** What real-agents/agent/index.mjs has. */
interface AgentModule {
  importPeer(name: string): Promise<unknown>;
  openMongo(url: string): Promise<MongooseConnection & { close(): Promise<void> }>;
  inputFor(text: string, earlier: readonly Said[]): unknown;
  createRunWith(options: { openAi: OpenAiConfig | undefined; policyHook: ToolPolicy['hook'] }): CreateRun;
  readonly handlers: GraphHandlers;
}

/** An earlier turn of the conversation. */
export interface Said {
  readonly prompt: string;
  readonly answer: string;
}

export class Agent {
  readonly #module: AgentModule;
  readonly #checkpointer: Checkpointer;
  readonly #createRun: CreateRun;
  readonly #logger: Logger;
  readonly #close: () => Promise<void>;

  constructor(
    module: AgentModule,
    checkpointer: Checkpointer,
    { settings, logger, close }: { settings: AgentSettings; logger: Logger; close: () => Promise<void> },
  ) {
    const policy = createToolPolicy({
      endpoint: { enabled: true, allow: ['clock'], reason: '{tool} moves money' },
    });
    this.#module = module;
    this.#checkpointer = checkpointer;
    this.#createRun = module.createRunWith({ openAi: settings.openAi, policyHook: policy.hook });
    this.#logger = logger;
    this.#close = close;
  }

  /** Answers from the beginning. Sees to the job's end. */
  run(job: GenerationJob, prompt: string, earlier: readonly Said[]): Promise<unknown> {
    return runAgent(job, this.#createRun, this.#module.inputFor(prompt, earlier), this.#options(job));
  }

  /** Goes on after a decision. Sees to the job's end. */
  resume(job: GenerationJob, continuation: Continuation): Promise<unknown> {
    return resumeAgent(job, continuation, this.#createRun, this.#options(job));
  }

  /** The host's hooks, which also delete the checkpoints of what has ended. */
  settling(hooks: Hooks): Hooks {
    return this.#checkpointer.settling(hooks);
  }

  close(): Promise<void> {
    return this.#close();
  }

  #options({ streamId, generation }: GenerationJob) {
    return {
      checkpointer: this.#checkpointer,
      handlers: this.#module.handlers,
      onError: (error: unknown) =>
        this.#logger.error({ err: error, streamId, generation }, 'the agent failed'),
    };
  }
}

/** Does nothing when it is there. @throws Error in words when npm can't */
export function installAgent(root: string): void {
  const install = join(root, 'scripts', 'real-agents.mjs');
  // What it prints is no answer of this server's: it goes where the log goes.
  const { status } = spawnSync(process.execPath, [install], { stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error('the agent SDK could not be installed');
}

/**
 * Installs the SDK if it isn't there, and loads it (a second, and some 200 MB).
 *
 * @param root the repository's own folder
 * @throws Error in words when it can't be installed, or Mongo can't be reached
 */
export async function openAgent(root: string, settings: AgentSettings, logger: Logger): Promise<Agent> {
  installAgent(root);
  const module: AgentModule = await import(
    pathToFileURL(join(root, 'real-agents', 'agent', 'index.mjs')).href
  );
  const { importPeer } = module;
  if (settings.mongoUrl === undefined) {
    const memory = await createCheckpointer({ importPeer });
    return new Agent(module, memory, { settings, logger, close: async () => {} });
  }
  const mongo = await module.openMongo(settings.mongoUrl);
  const checkpointer = await createCheckpointer({ mongo, importPeer });
  return new Agent(module, checkpointer, { settings, logger, close: () => mongo.close() });
}
