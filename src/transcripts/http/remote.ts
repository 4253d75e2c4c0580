/**
 * A run's transcripts as its worker sees them, through the gateway. The token alone says whose they are and which store
 * keeps them; nothing of it is in the worker's environment.
 */
import { z } from 'zod';
import { KIB } from '../../clock.js';
import { ERROR_TABLE, type ErrorCode, GenerationJobError } from '../../errors.js';
import { callable } from '../../stream/model/host-values.js';
import { parseStrictly } from '../../stream/model/strict.js';
import { handOutMethods, NO_MANAGER } from '../../stream/process/handed-out.js';
import { answered } from '../answered.js';
import { type Bytes, exactly } from '../bytes.js';
import type { ConversationState, RunTranscripts, SaveResult, TranscriptBytes } from '../transcript-store.js';
import {
  aboutIn,
  CLEARS_HEADER,
  clearedSchema,
  countIn,
  SNAPSHOT_PATH,
  SNAPSHOT_TYPE,
  savedSchema,
} from './snapshot-form.js';

export interface RemoteTranscriptsOptions {
  /** The address of the gateway's routes, such as `https://chat.example/worker`. */
  readonly url: string;
  /** The run's token, or a function that gives it: called again, with `isRefused`, when the gateway refused the one before. */
  readonly token: string | ((asked: { readonly isRefused: boolean }) => string | Promise<string>);
  /** Sends requests. Default: `fetch`. */
  readonly fetch?: typeof fetch | undefined;
}

interface Sending {
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: TranscriptBytes;
  readonly signal?: AbortSignal;
}

const UNAUTHORIZED = 401;
/** The answers of a gateway are some bytes; a page of something else is not read whole. */
const LONGEST_ANSWER = 64 * KIB;
const optionsSchema = z.strictObject({
  url: z.custom<string>(isHttp, 'must be an http or https address'),
  token: z.custom(
    (value) => typeof value === 'function' || (typeof value === 'string' && value.length > 0),
    'must be a token, or a function that gives one',
  ),
  fetch: callable,
} satisfies Record<keyof RemoteTranscriptsOptions, z.ZodType>);

/**
 * Returns a run's transcripts through the gateway, for `hydrateTranscript`, `saveTranscript` and `clearTranscripts`.
 *
 * @throws GenerationJobError `invalid_options`
 * @example
 * const transcripts = remoteTranscripts({ url: 'https://chat.example/worker', token });
 */
export function remoteTranscripts(options: RemoteTranscriptsOptions): RunTranscripts {
  return new RemoteTranscripts(options);
}

function isHttp(text: unknown): boolean {
  if (typeof text !== 'string' || !URL.canParse(text)) return false;
  return ['http:', 'https:'].includes(new URL(text).protocol);
}

class RemoteTranscripts implements RunTranscripts {
  static {
    handOutMethods(RemoteTranscripts.prototype, ['latest', 'save', 'clear'], () => NO_MANAGER);
  }

  readonly #address: string;
  readonly #token: Exclude<RemoteTranscriptsOptions['token'], string>;
  readonly #fetch: typeof fetch;

  constructor(options: RemoteTranscriptsOptions) {
    parseStrictly('invalid_options', optionsSchema, options, 'options');
    const { url, token, fetch: send = fetch } = options;
    this.#address = `${url.endsWith('/') ? url.slice(0, -1) : url}${SNAPSHOT_PATH}`;
    this.#token = typeof token === 'string' ? () => token : token;
    this.#fetch = send;
  }

  async latest(signal: AbortSignal): Promise<ConversationState> {
    const response = await this.#send({ method: 'GET', signal });
    const clears = countIn(response.headers.get(CLEARS_HEADER));
    if (clears === undefined) throw notAGateway();
    if (response.status === 204) return { clears, latest: null };
    const about = aboutIn(response.headers);
    if (about === undefined) throw notAGateway();
    let unread: Response | undefined = response;
    const read = () => {
      const bytes = this.#read(unread);
      unread = undefined;
      return exactly(bytes, about);
    };
    return { clears, latest: { ...about, read } };
  }

  async save(
    body: TranscriptBytes,
    { clears, signal }: { readonly clears?: number | undefined; readonly signal: AbortSignal },
  ): Promise<SaveResult> {
    const headers = {
      'content-type': SNAPSHOT_TYPE,
      'content-length': String(body.size),
      ...(clears !== undefined && { [CLEARS_HEADER]: String(clears) }),
    };
    const response = await this.#send({ method: 'POST', headers, body, signal });
    return (await jsonOf(response, savedSchema)).result;
  }

  async clear(signal: AbortSignal): Promise<number> {
    const response = await this.#send({ method: 'DELETE', signal });
    return (await jsonOf(response, clearedSchema)).clears;
  }

  /** Reads the answer that is there, or else the transcript that is the latest now; who reads knows which it must be. */
  async *#read(answer: Response | undefined): AsyncGenerator<Uint8Array> {
    const { body } = answer ?? (await this.#send({ method: 'GET' }));
    if (body) yield* piecesOf(body);
  }

  /** Sends a request, once more with another token when that was refused. @throws GenerationJobError as the gateway says */
  async #send(sending: Sending): Promise<Response> {
    const response = await this.#try(sending, false);
    if (response.status !== UNAUTHORIZED) return accepted(response);
    await response.body?.cancel();
    return accepted(await this.#try(sending, true));
  }

  #try({ method, headers, body, signal }: Sending, isRefused: boolean): Promise<Response> {
    return answered(async () => {
      const token = await this.#token({ isRefused });
      const init = {
        method,
        headers: { ...headers, authorization: `Bearer ${token}` },
        redirect: 'error' as const,
        ...(signal && { signal }),
        ...(body && { body: streamOf(body.read()), duplex: 'half' as const }),
      };
      return this.#fetch(this.#address, init);
    }, signal);
  }
}

function streamOf(bytes: Bytes): ReadableStream<Uint8Array> {
  const iterator = bytes[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}

async function* piecesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  let isAtEnd = false;
  try {
    for (;;) {
      const { done, value } = await answered(() => reader.read());
      isAtEnd = done;
      if (done) return;
      yield value;
    }
  } finally {
    // A reader that has enough leaves no connection behind; of one that broke off there is nothing to cancel.
    if (!isAtEnd) reader.cancel().catch(() => {});
  }
}

const errorSchema = z.looseObject({ error: z.looseObject({ code: z.string() }) });

/** Passes a response on that is none of an error. @throws GenerationJobError with the gateway's code */
async function accepted(response: Response): Promise<Response> {
  if (response.ok) return response;
  const parsed = errorSchema.safeParse(parseJson(await textOf(response)));
  const code = parsed.success ? parsed.data.error.code : undefined;
  const known = code !== undefined && Object.hasOwn(ERROR_TABLE, code) ? (code as ErrorCode) : undefined;
  const named = code === undefined ? '' : `, ${code.slice(0, 64)}`;
  throw new GenerationJobError(
    known ?? 'unavailable',
    `The gateway refused a transcript's request (${response.status}${named}).`,
  );
}

async function jsonOf<Value>(response: Response, schema: z.ZodType<Value>): Promise<Value> {
  const parsed = schema.safeParse(parseJson(await textOf(response)));
  if (!parsed.success) throw notAGateway();
  return parsed.data;
}

async function textOf({ body }: Response): Promise<string> {
  if (body === null) return '';
  const pieces: Uint8Array[] = [];
  let size = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await answered(() => reader.read());
    if (done) return Buffer.concat(pieces).toString('utf8');
    pieces.push(value);
    size += value.length;
    if (size > LONGEST_ANSWER) {
      await reader.cancel();
      throw notAGateway();
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // what is not of the documented form is told as that
  }
}

function notAGateway(): GenerationJobError {
  return new GenerationJobError('unavailable', 'What answered is no gateway: look at its address.');
}
