/** A host's word on an agent's process: checked before anything is started. */
import { z } from 'zod';
import { HOUR, MIB, MINUTE, SECOND } from '../../clock.js';
import type { ResolveInput } from '../../stream/interfaces/action-input.js';
import type { Resolved } from '../../stream/interfaces/approvals.js';
import type { AttemptEnd } from '../../stream/interfaces/generation-job.js';
import type { SubscribeOptions } from '../../stream/interfaces/manager-types.js';
import { durationMs, having } from '../../stream/model/host-values.js';
import { parseStrictly } from '../../stream/model/strict.js';
import { type AgentMapperName, agentMappers } from '../mappers/index.js';
import type { AgentMapper } from '../mappers/mapper.js';
import type { ProcessDiagnosis } from './diagnosis.js';

/** A manager, as far as a paused agent needs one; `GenerationJobManager` has it. */
export interface QuestionManager {
  /** Follows the stream while the agent waits: how else would it hear of an abort. */
  subscribe(
    streamId: string,
    options?: SubscribeOptions,
  ): AsyncIterable<{ readonly event: string; readonly data: unknown }>;
  /** Takes back, by a refusal, what the agent does not ask any more. */
  readonly approvals: { resolve(streamId: string, input: ResolveInput): Promise<Resolved> };
}

export interface AgentQuestions {
  /** The manager that the job is of. */
  readonly manager: QuestionManager;
  /** The longest wait for a decision, in milliseconds: 1 to 366 days. Default: the job's `approvalWindowMs`. */
  readonly expiresInMs?: number | undefined;
}

export interface AgentProcessOptions {
  /** The command: a name on the `PATH` of `env`, or a path. No shell reads it. */
  readonly command: string;
  /** Its arguments. Default: none. */
  readonly args?: readonly string[] | undefined;
  /** The folder it runs in. Default: that of this process. */
  readonly cwd?: string | undefined;
  /**
   * The environment, whole: nothing is added. Default: of this process only what finds programs, homes and languages (`PATH`,
   * `HOME`, `USER`, `SHELL`, `LANG`, `LC_ALL`, `TZ`, `TMPDIR`, `TERM`), so that no secret of the server is an agent's.
   */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** The text that is written to its standard input first. Default: none. */
  readonly stdin?: string | undefined;
  /**
   * Leaves standard input open after that, for answers to questions. It is closed once the agent has said that it is done.
   * Default: as the mapper says, true for `claude-code`.
   */
  readonly keepStdinOpen?: boolean | undefined;
  /** Says what its lines mean: the name of one of `agentMappers`, or a mapper of your own. */
  readonly mapper: AgentMapperName | AgentMapper;
  /** Makes the agent's questions actions of the job. Default: each is refused at once. */
  readonly questions?: AgentQuestions | undefined;
  /** The time between SIGTERM and SIGKILL, and for leaving after the last line, in milliseconds: 1 to 10 minutes. Default 5,000. */
  readonly graceMs?: number | undefined;
  /** The longest time without anything on standard output, in milliseconds: 1 to 24 hours. Default 10 minutes. A pause does not count. */
  readonly silenceMs?: number | undefined;
  /** The most bytes of a line: 1 KiB to 256 MiB. Default 10 MiB. A longer one is a bad line. */
  readonly lineBytes?: number | undefined;
}

/** The end of an attempt, and what its process showed. */
export interface AgentProcessEnd extends AttemptEnd {
  /** Says what the process has shown so far: for the host, never for clients. Undefined when none was started. */
  readonly diagnosis?: ProcessDiagnosis | undefined;
}

const MAPPER_NAMES = Object.keys(agentMappers) as [AgentMapperName, ...AgentMapperName[]];

const optionsSchema = z.strictObject({
  command: z.string().min(1),
  args: z.array(z.string()).readonly().default([]),
  cwd: z.string().min(1).optional(),
  env: z.record(z.string(), z.string()).readonly().optional(),
  stdin: z.string().optional(),
  keepStdinOpen: z.boolean().optional(),
  mapper: z.union([
    z.enum(MAPPER_NAMES),
    having(
      'the name of a mapper, or an object with `name`, `lines`, `keepsStdin` and a method `start`',
      'start',
    ),
  ]),
  questions: z
    .strictObject({
      manager: having('a GenerationJobManager', 'subscribe'),
      expiresInMs: durationMs.optional(),
    })
    .optional(),
  graceMs: durationMs.max(10 * MINUTE).default(5 * SECOND),
  silenceMs: durationMs.max(24 * HOUR).default(10 * MINUTE),
  lineBytes: z
    .number()
    .int()
    .min(1024)
    .max(256 * MIB)
    .default(10 * MIB),
} satisfies Record<keyof AgentProcessOptions, z.ZodType>);

/** The options as they hold, each with its value. */
export interface CheckedOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string | undefined;
  readonly keepsStdin: boolean;
  readonly mapper: AgentMapper;
  readonly questions: AgentQuestions | undefined;
  readonly graceMs: number;
  readonly silenceMs: number;
  readonly lineBytes: number;
}

/** @throws GenerationJobError `invalid_options` naming each key and value that is not known */
export function parseProcessOptions(given: AgentProcessOptions): CheckedOptions {
  const parsed = parseStrictly('invalid_options', optionsSchema, given, 'options');
  const mapper = typeof given.mapper === 'string' ? agentMappers[given.mapper] : given.mapper;
  return {
    ...parsed,
    cwd: parsed.cwd,
    stdin: parsed.stdin,
    env: parsed.env ?? harmlessEnvironment(),
    mapper,
    keepsStdin: parsed.keepStdinOpen ?? mapper.keepsStdin,
    questions: given.questions,
  };
}

const HARMLESS = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'TERM'];

function harmlessEnvironment(): Record<string, string> {
  const found = HARMLESS.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(found);
}
