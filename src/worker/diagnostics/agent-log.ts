/**
 * The log of one agent: pino, on a file of the agent's own, with a level that can be changed while it runs. pino is loaded here
 * and nowhere else.
 */
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { type Clock, KIB, MIB, systemClock } from '../../clock.js';
import { GenerationJobError } from '../../errors.js';
import type { Logger } from '../../stream/interfaces/logger.js';
import { callable, clockSchema } from '../../stream/model/host-values.js';
import { parseStrictly } from '../../stream/model/strict.js';
import { handOut, NO_MANAGER } from '../../stream/process/handed-out.js';
import { LogFile, safeName } from './log-file.js';

export interface AgentLogOptions {
  /** The folder of the logs; made if it isn't there, for this user alone. */
  readonly folder: string;
  /** The agent whose log it is: 1 to 256 characters, of which a safe name is made. */
  readonly agentId: string;
  /** The level it begins with: one of pino's. Default `info`. */
  readonly level?: string | undefined;
  /** The size at which a new file begins, and the one before it is kept as `<file>.1` (bytes). 64 KiB to 4 GiB; default 32 MiB. */
  readonly maxBytes?: number | undefined;
  /** Imports pino, `(name) => import(name)`, where it isn't to be found from this package: in a bundle. */
  readonly importPeer?: ((name: string) => Promise<unknown>) | undefined;
  /** The clock of the tries to open a file that can't be written. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** A level that can be read and set while a process runs. */
export interface LogLevel {
  /** The level of now. @throws GenerationJobError `invalid_argument` when it is set to one that there isn't */
  level: string;
  /** The levels there are, from the one that says most. */
  readonly levels: readonly string[];
}

export interface AgentLog extends LogLevel {
  /** A logger of pino's, for a manager's `logger` as well. */
  readonly logger: Logger & { fatal(fields: object, message: string): void };
  /** The file of the log. */
  readonly file: string;
  /** The reason why the file can't be written; undefined while it can. */
  readonly error: unknown;
  /** Closes the file. A record that comes after it opens it again. */
  close(): void;
}

/** The part of pino that is used. */
type Pino = (
  options: object,
  stream: object,
) => AgentLog['logger'] & {
  level: string;
  readonly levels: { readonly values: Readonly<Record<string, number>> };
};

const PEER = 'pino';
const SILENT = 'silent';
const optionsSchema = z.strictObject({
  folder: z.string().min(1),
  agentId: z.string().min(1).max(256),
  level: z.string().optional(),
  maxBytes: z
    .number()
    .int()
    .min(64 * KIB)
    .max(4096 * MIB)
    .optional(),
  importPeer: callable,
  clock: clockSchema.optional(),
} satisfies Record<keyof AgentLogOptions, z.ZodType>);

/**
 * Opens the log of an agent.
 *
 * @throws GenerationJobError `invalid_options`; `log_unavailable` when pino can't be loaded. A file that can't be written is no
 *   error: records of `error` and `fatal` are on standard error then, until it can
 * @example
 * const log = await openAgentLog({ folder: 'logs', agentId: 'helper' });
 * log.logger.info({ streamId }, 'a run has begun');
 */
export function openAgentLog(options: AgentLogOptions): Promise<AgentLog> {
  return handOut(NO_MANAGER, 'openAgentLog', () => open(options));
}

async function open(options: AgentLogOptions): Promise<AgentLog> {
  parseStrictly('invalid_options', optionsSchema, options, 'options');
  const { agentId, level = 'info', maxBytes = 32 * MIB, clock = systemClock } = options;
  const pino = await loadPino(options);
  const file = resolve(join(options.folder, safeName(agentId)));
  const onUnwritten = (line: string) => void process.stderr.write(line);
  const stream = new LogFile({ file, maxBytes, clock, onUnwritten });
  const logger = pino({ base: { pid: process.pid, agentId } }, stream);
  const levels = levelsOf(logger);
  checkLevel('invalid_options', levels, level);
  logger.level = level;
  return {
    logger,
    file,
    levels,
    get error() {
      return stream.error;
    },
    get level() {
      return logger.level;
    },
    set level(wanted: string) {
      checkLevel('invalid_argument', levels, wanted);
      logger.level = wanted;
    },
    close: () => stream.close(),
  };
}

function levelsOf({ levels }: ReturnType<Pino>): string[] {
  const named = Object.entries(levels.values).sort(([, one], [, other]) => one - other);
  return [...named.map(([name]) => name), SILENT];
}

function checkLevel(code: 'invalid_options' | 'invalid_argument', levels: string[], given: string): void {
  parseStrictly(code, z.strictObject({ level: z.enum(levels) }), { level: given });
}

async function loadPino({ importPeer = (name) => import(name) }: AgentLogOptions): Promise<Pino> {
  let loaded: { readonly default?: unknown; readonly pino?: unknown };
  try {
    loaded = (await importPeer(PEER)) as typeof loaded;
  } catch (cause) {
    throw new GenerationJobError('log_unavailable', 'pino could not be loaded.', { cause });
  }
  const found = loaded.pino ?? loaded.default;
  if (typeof found !== 'function')
    throw new GenerationJobError('log_unavailable', 'What was loaded is no pino.');
  return found as Pino;
}
