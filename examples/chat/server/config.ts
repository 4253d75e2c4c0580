/**
 * What the environment says, checked once at start: a wrong value ends the process in words instead of surprising
 * somebody later. An empty variable counts as not set.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { CommandName } from '../playing/commands.js';
import type { OpenAiConfig } from '../playing/openai.js';
import { PUSH_SERVICES } from '../telling/pushing.js';

const environment = z.object({
  PORT: z.coerce.number().int().min(0).max(65_535).default(3000),
  HOST: z.string().optional(),
  REDIS_URL: z.url({ protocol: /^rediss?$/, error: 'must be redis://… or rediss://…' }).optional(),
  REDIS_SERVER_PATH: z.string().optional(),
  REPLICA: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/)
    .default('1'),
  RECOVER: z.enum(['0', '1']).default('1'),
  LEASE_MS: z.coerce.number().int().min(100).max(3_600_000).optional(),
  APPROVAL_MS: z.coerce.number().int().min(100).max(2_147_483_647).optional(),
  SAVE_MS: z.coerce.number().int().min(0).max(60_000).default(0),
  OPENAI_BASE_URL: z.url({ protocol: /^https?$/ }).optional(),
  OPENAI_API_KEY: z.string().optional(),
  OPENAI_MODEL: z.string().default('gpt-4.1-mini'),
  MONGO_URL: z.url({ protocol: /^mongodb(\+srv)?$/, error: 'must be mongodb://…' }).optional(),
  WORKER_LEASE_MS: z.coerce.number().int().min(1000).max(21_600_000).default(30_000),
  RUN_TOKEN_SECRET: z.string().min(32).optional(),
  PUSH_SERVICES: z.string().optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('warn'),
});

export interface Config {
  /** 0 takes any free port. */
  readonly port: number;
  /** The addresses to listen on. */
  readonly hosts: readonly string[];
  /** Without it, everything is kept in memory. */
  readonly redisUrl: string | undefined;
  /** The program of a private Redis; found on PATH when not given. */
  readonly redisServer: string | undefined;
  /** The name of this process among its like. */
  readonly replica: string;
  /** Whether an answer whose producer died is continued by another replica, instead of failing by name. */
  readonly recovers: boolean;
  /** The library's default when not given. */
  readonly leaseMs: number | undefined;
  /** How long a question waits for a person; the library's default when not given. */
  readonly approvalMs: number | undefined;
  /** How long saving an answer takes longer than it would, to see who waits for it. */
  readonly saveMs: number;
  /** Only with both a base URL and a key. */
  readonly openAi: OpenAiConfig | undefined;
  /** A real agent answers instead of the bare model. */
  readonly agent: boolean;
  /** Where the agent's checkpoints are; in memory when not given. */
  readonly mongoUrl: string | undefined;
  /** The agent that is a command. */
  readonly command: CommandName | undefined;
  /** A process of its own makes the answers, behind the gateway. */
  readonly worker: boolean;
  /** How long that process may be out of reach. */
  readonly workerLeaseMs: number;
  /** Signs what lets a worker write, or somebody decide; the same at every replica. */
  readonly runTokenSecret: string;
  /** The hosts that browsers may be told through. */
  readonly pushServices: readonly string[];
  readonly logLevel: string;
}

/** What the command line says. */
export interface Chosen {
  readonly agent?: boolean;
  readonly worker?: boolean;
  readonly command?: CommandName | undefined;
}

/**
 * Both loopback addresses, because `localhost` means the one or the other; nothing wider unless asked for, because
 * the example believes whatever user id it is told.
 */
const LOOPBACK = ['127.0.0.1', '::1'];

/** @throws Error naming every variable that can't be used */
export function readConfig(
  variables: NodeJS.ProcessEnv,
  { agent = false, worker = false, command }: Chosen,
): Config {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));
  const { data, error } = environment.safeParse(given);
  if (error)
    throw new Error(error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '));
  const { OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: apiKey } = data;
  return {
    port: data.PORT,
    hosts: data.HOST === undefined ? LOOPBACK : [data.HOST],
    redisUrl: data.REDIS_URL,
    redisServer: data.REDIS_SERVER_PATH,
    replica: data.REPLICA,
    recovers: data.RECOVER === '1',
    leaseMs: data.LEASE_MS,
    approvalMs: data.APPROVAL_MS,
    saveMs: data.SAVE_MS,
    openAi: baseUrl && apiKey ? { baseUrl, apiKey, model: data.OPENAI_MODEL } : undefined,
    agent,
    mongoUrl: data.MONGO_URL,
    worker,
    command,
    workerLeaseMs: data.WORKER_LEASE_MS,
    runTokenSecret: data.RUN_TOKEN_SECRET ?? randomBytes(32).toString('base64url'),
    pushServices: data.PUSH_SERVICES?.split(',') ?? PUSH_SERVICES,
    logLevel: data.LOG_LEVEL,
  };
}
