/**
 * The content of a transcript: the one parser of worker and host. Each agent has a form of its own; common to all is a JSON
 * object a line, and messages with a role, at the top or one step below. What is no message is counted, what is damaged
 * costs its own line.
 */
import { z } from 'zod';
import { GenerationJobError } from '../errors.js';
import type { Logger } from '../stream/interfaces/logger.js';
import { having } from '../stream/model/host-values.js';
import { nestsDeeperThan } from '../stream/model/json-depth.js';
import { isObject } from '../stream/model/plain-values.js';
import { parseStrictly } from '../stream/model/strict.js';
import { handOut, NO_MANAGER } from '../stream/process/handed-out.js';
import { type ByteLine, ByteLines } from './byte-lines.js';
import { atMost, type Bytes, LARGEST_TRANSCRIPT } from './bytes.js';

export interface ReadTranscriptOptions {
  /** The messages given, the last ones; all are counted. 0 to 100,000; default 10,000. */
  readonly last?: number | undefined;
  /** The most bytes of a transcript. Default 64 MiB. */
  readonly maxBytes?: number | undefined;
  /** Is told of each damaged line that is listed, at the level debug. Default: nobody. */
  readonly logger?: Pick<Logger, 'debug'> | undefined;
}

export interface TranscriptMessage {
  /** Its line, from 1. */
  readonly line: number;
  /** The role as it stands there, such as `user`, `assistant`, `tool`, `toolResult`. */
  readonly role: string;
  /** The content as it stands there: text, or parts in the form of the agent. */
  readonly content: unknown;
  /** The message's id, if it has one. */
  readonly id?: string | undefined;
  /** The time it is dated, in milliseconds since 1970, if it is. */
  readonly at?: number | undefined;
  /** The whole of the line, with all that is not named here. */
  readonly value: Readonly<Record<string, unknown>>;
}

export interface DamagedLine {
  /** The number of the line, from 1. */
  readonly line: number;
  /** Its length in bytes, without its end. */
  readonly size: number;
  /** The kind of the damage; `cut_off`: the last one has no end and can't be read. */
  readonly reason: 'too_long' | 'too_deep' | 'not_utf8' | 'not_json' | 'not_an_object' | 'cut_off';
}

export interface TranscriptCounts {
  /** Bytes in all. */
  readonly bytes: number;
  /** Lines that are not blank. */
  readonly lines: number;
  /** Lines that are messages. */
  readonly messages: number;
  /** Messages by their role; from the 32nd role on they are counted as `other`. */
  readonly roles: Readonly<Record<string, number>>;
  /** Lines that are something else, such as the session's head or a change of the model. */
  readonly others: number;
  /** Lines that can't be read. */
  readonly damaged: number;
}

export interface Transcript {
  /** The last messages, in their order. */
  readonly messages: readonly TranscriptMessage[];
  /** The numbers of each kind. */
  readonly counts: TranscriptCounts;
  /** The first 100 damaged lines. */
  readonly damaged: readonly DamagedLine[];
}

const LONGEST_LINE = 10_000_000;
const DEEPEST = 200;
const MOST_LISTED = 100;
const MOST_ROLES = 32;
const LONGEST_ROLE = 64;
/** The bytes that are read at once, some milliseconds of work, before others have their turn. */
const STEP_BYTES = 1024 * 1024;
const BYTE_ORDER_MARK = '\ufeff';
const optionsSchema = z.strictObject({
  last: z.number().int().min(0).max(100_000).optional(),
  maxBytes: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
  logger: having('a logger', 'debug').optional(),
} satisfies Record<keyof ReadTranscriptOptions, z.ZodType>);

/**
 * Reads a transcript: its messages, how much there is of what, and which lines are damaged.
 *
 * @param bytes all of them, or as they come
 * @throws GenerationJobError `transcript_too_large`, `invalid_argument`, `invalid_options`; what `bytes` throws
 * @example
 * const { messages, counts } = await readTranscript(await readFile('sessions/c-1.jsonl'));
 */
export function readTranscript(
  bytes: Uint8Array | AsyncIterable<Uint8Array>,
  options: ReadTranscriptOptions = {},
): Promise<Transcript> {
  return handOut(NO_MANAGER, 'readTranscript', () => read(bytes, options));
}

async function read(bytes: Uint8Array | Bytes, options: ReadTranscriptOptions): Promise<Transcript> {
  parseStrictly('invalid_options', optionsSchema, options, 'options');
  const { last = 10_000, maxBytes = LARGEST_TRANSCRIPT, logger } = options;
  const reader = new Reader(last, logger);
  for await (const piece of atMost(bytesOf(bytes), maxBytes)) {
    reader.push(piece);
    await new Promise(setImmediate);
  }
  return reader.end();
}

async function* bytesOf(bytes: Uint8Array | Bytes): AsyncGenerator<Uint8Array> {
  if (!(bytes instanceof Uint8Array)) {
    if (typeof bytes?.[Symbol.asyncIterator] !== 'function')
      throw new GenerationJobError('invalid_argument', 'bytes must be a Uint8Array, or give some.');
    yield* bytes;
    return;
  }
  for (let at = 0; at < bytes.length; at += STEP_BYTES) yield bytes.subarray(at, at + STEP_BYTES);
}

class Reader {
  readonly #lines = new ByteLines(LONGEST_LINE);
  readonly #last: number;
  readonly #logger: Pick<Logger, 'debug'> | undefined;
  readonly #messages: TranscriptMessage[] = [];
  readonly #damaged: DamagedLine[] = [];
  readonly #roles = new Map<string, number>();
  readonly #counts = { bytes: 0, lines: 0, messages: 0, others: 0, damaged: 0 };
  #line = 0;

  constructor(last: number, logger: Pick<Logger, 'debug'> | undefined) {
    this.#last = last;
    this.#logger = logger;
  }

  push(bytes: Uint8Array): void {
    this.#counts.bytes += bytes.length;
    for (const line of this.#lines.push(bytes)) this.#take(line);
  }

  end(): Transcript {
    for (const line of this.#lines.end()) this.#take(line);
    this.#dropFirst(0);
    const counts = { ...this.#counts, roles: Object.fromEntries(this.#roles) };
    return { messages: this.#messages, counts, damaged: this.#damaged };
  }

  #take(line: ByteLine): void {
    this.#line++;
    if (line.bytes?.length === 0) return;
    const value = jsonIn(line, this.#line === 1);
    if (value === 'blank') return;
    this.#counts.lines++;
    if (typeof value === 'string') return this.#addDamaged(line, value);
    const message = messageIn(value);
    if (message === undefined) {
      this.#counts.others++;
      return;
    }
    this.#counts.messages++;
    this.#countRole(message.role);
    this.#messages.push({ line: this.#line, ...message, value });
    // Twice as many at most are held, so that dropping them costs each message once.
    this.#dropFirst(this.#last);
  }

  #dropFirst(room: number): void {
    const more = this.#messages.length - this.#last;
    if (more > room) this.#messages.splice(0, more);
  }

  #countRole(role: string): void {
    const name = this.#roles.has(role) || this.#roles.size < MOST_ROLES - 1 ? role : 'other';
    this.#roles.set(name, (this.#roles.get(name) ?? 0) + 1);
  }

  #addDamaged({ size, isEnded }: ByteLine, found: DamagedLine['reason']): void {
    this.#counts.damaged++;
    if (this.#damaged.length >= MOST_LISTED) return;
    const reason = isEnded || found === 'too_long' ? found : 'cut_off';
    const damaged = { line: this.#line, size, reason };
    this.#damaged.push(damaged);
    this.#logger?.debug(damaged, 'a line of a transcript is damaged');
  }
}

type JsonObject = Readonly<Record<string, unknown>>;

function jsonIn({ bytes }: ByteLine, isFirst: boolean): JsonObject | DamagedLine['reason'] | 'blank' {
  if (bytes === null) return 'too_long';
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return 'not_utf8';
  }
  if (isFirst && text.startsWith(BYTE_ORDER_MARK)) text = text.slice(1);
  if (text.trim() === '') return 'blank';
  if (nestsDeeperThan(text, DEEPEST)) return 'too_deep';
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : 'not_an_object';
  } catch {
    return 'not_json';
  }
}

/** Finds the message of a line: in `message`, in `payload`, or the line is one. */
function messageIn(value: JsonObject): Omit<TranscriptMessage, 'line' | 'value'> | undefined {
  const { message, payload } = value;
  const found = [message, payload, value].find(isMessage);
  if (found === undefined) return undefined;
  const [id] = [value.id, value.uuid, found.id].filter((one) => typeof one === 'string');
  const [at] = [value.timestamp, found.timestamp].map(timeOf).filter((time) => time !== undefined);
  return {
    role: found.role.slice(0, LONGEST_ROLE),
    content: found.content,
    ...(id !== undefined && { id }),
    ...(at !== undefined && { at }),
  };
}

function isMessage(value: unknown): value is { readonly role: string } & JsonObject {
  return isObject(value) && typeof value.role === 'string' && 'content' in value;
}

function timeOf(value: unknown): number | undefined {
  const time = typeof value === 'string' ? Date.parse(value) : value;
  return typeof time === 'number' && Number.isFinite(time) ? time : undefined;
}
