/**
 * What the environment says, checked once at start: a wrong value ends the process in words instead of surprising
 * somebody later. An empty variable counts as not set.
 */
import { z } from 'zod';

const environment = z.object({
  PORT: z.coerce.number().int().min(0).max(65_535).default(3000),
  HOST: z.string().optional(),
  OPENAI_BASE_URL: z.url({ protocol: /^https?$/ }).optional(),
  OPENAI_API_KEY: z.string().optional(),
  OPENAI_MODEL: z.string().default('gpt-4.1-mini'),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('warn'),
});

export interface OpenAiConfig {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly model: string;
}

export interface Config {
  /** 0 takes any free port. */
  readonly port: number;
  /** The addresses to listen on. */
  readonly hosts: readonly string[];
  /** Only with both a base URL and a key. */
  readonly openAi: OpenAiConfig | undefined;
  readonly logLevel: string;
}

/**
 * Both loopback addresses, because `localhost` means the one or the other; nothing wider unless asked for, because
 * the example believes whatever user id it is told.
 */
const LOOPBACK = ['127.0.0.1', '::1'];

/** @throws Error naming every variable that can't be used */
export function readConfig(variables: NodeJS.ProcessEnv): Config {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));
  const { data, error } = environment.safeParse(given);
  if (error)
    throw new Error(error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '));
  const { OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: apiKey } = data;
  return {
    port: data.PORT,
    hosts: data.HOST === undefined ? LOOPBACK : [data.HOST],
    openAi: baseUrl && apiKey ? { baseUrl, apiKey, model: data.OPENAI_MODEL } : undefined,
    logLevel: data.LOG_LEVEL,
  };
}
