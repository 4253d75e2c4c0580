/**
 * A worker's own door, on loopback alone: its log level, its status, and the place where hooks tell that they are dying. Any page
 * in a browser of the machine reaches loopback too: so a request must be addressed to loopback (`Host`; a name that an attacker
 * points there is refused), and must not come from a page (`Origin`, `Sec-Fetch-Site`).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { type Clock, KIB, SECOND, systemClock } from '../../clock.js';
import { ERROR_TABLE, type ErrorCode, GenerationJobError, isGenerationJobError } from '../../errors.js';
import { callable, clockSchema, requiredFunction } from '../../stream/model/host-values.js';
import { nestsDeeperThan } from '../../stream/model/json-depth.js';
import { parseStrictly } from '../../stream/model/strict.js';
import { handOut, NO_MANAGER } from '../../stream/process/handed-out.js';
import type { LogLevel } from './agent-log.js';
import { PortFile } from './port-file.js';

/** A hook that died, as it reports itself. */
export interface DeadHook {
  /** The hook's name: at most 256 characters. */
  readonly hook: string;
  /** The code it exits with. */
  readonly exitCode?: number | undefined;
  /** The signal that ended it, such as `TERM`. */
  readonly signal?: string | undefined;
  /** The number of its process. */
  readonly pid?: number | undefined;
  /** Says what it said last: at most 16,000 characters. */
  readonly message?: string | undefined;
  /** The time it died, in milliseconds since 1970. */
  readonly at: number;
  /** More that the hook says. */
  readonly [field: string]: unknown;
}

export interface ControlServerOptions {
  /** The file that holds the port, for hooks and people: one line, readable for this user alone. */
  readonly portFile: string;
  /** The level that `/log-level` reads and sets: an agent's log, say. */
  readonly log: LogLevel;
  /** Gives what `GET /status` answers: a value that JSON can carry, within 2 s. */
  readonly status: () => unknown;
  /** Is told of a hook that died. What it throws is answered as a failure, so that the hook says so on standard error. */
  readonly onHookFatal: (dead: DeadHook) => unknown;
  /** Is told what fails here. Default: nobody. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** The port. 0 to 65,535; default 0: one that is free. */
  readonly port?: number | undefined;
  /** The clock that dates deaths and bounds answers. Default: the system's. */
  readonly clock?: Clock | undefined;
}

export interface ControlServer {
  /** Its port on 127.0.0.1. */
  readonly port: number;
  /** Closes it, and takes the port file away if it is still its own. */
  close(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';
const LARGEST_BODY = 64 * KIB;
const DEEPEST = 32;
/** A hook waits for two seconds; no answer may take as long. */
const ANSWER_MS = 2 * SECOND;
const MOST_CONNECTIONS = 64;
const optionsSchema = z.strictObject({
  portFile: z.string().min(1),
  log: z.custom(isLogLevel, 'must have a level, and levels'),
  status: requiredFunction,
  onHookFatal: requiredFunction,
  onError: callable,
  port: z.number().int().min(0).max(65_535).optional(),
  clock: clockSchema.optional(),
} satisfies Record<keyof ControlServerOptions, z.ZodType>);
const levelBody = z.strictObject({ level: z.string() });
const deadHookBody = z.looseObject({
  hook: z.string().min(1).max(256),
  exitCode: z.number().int().optional(),
  signal: z.string().max(32).optional(),
  pid: z.number().int().optional(),
  message: z.string().max(16_000).optional(),
  at: z.number().optional(),
});

/**
 * Starts the control server of a worker: `GET` and `POST /log-level`, `GET /status`, `POST /hook-fatal`. It keeps no process alive.
 *
 * @throws GenerationJobError `invalid_options`; `control_unavailable` when the port is taken, or its file can't be written
 * @example
 * const control = await startControlServer({ portFile, log, status: () => ({}), onHookFatal: (dead) => console.error(dead) });
 */
export function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  return handOut(NO_MANAGER, 'startControlServer', () => start(options));
}

async function start(options: ControlServerOptions): Promise<ControlServer> {
  parseStrictly('invalid_options', optionsSchema, options, 'options');
  const routes = new ControlRoutes(options);
  const server = createServer(
    { requestTimeout: 10 * SECOND, headersTimeout: 5 * SECOND },
    (request, response) => routes.answer(request, response),
  );
  server.maxConnections = MOST_CONNECTIONS;
  // None of its connections either, such as that of a client that waits.
  server.on('connection', (socket) => void socket.unref());
  server.unref();
  const file = new PortFile(options.portFile);
  try {
    const port = await listen(server, options.port ?? 0);
    routes.port = port;
    server.on('error', (error) => routes.tell(error)); // such as too many open files: the next connection may do
    await file.write(port);
    return {
      port,
      close: () => file.remove().finally(() => closed(server)),
    };
  } catch (cause) {
    await closed(server);
    throw new GenerationJobError('control_unavailable', 'The control server could not be started.', {
      cause,
    });
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, LOOPBACK, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) return resolve();
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

type Answer = { readonly status: number; readonly body: unknown };

class ControlRoutes {
  readonly #options: ControlServerOptions;
  readonly #clock: Clock;
  port = 0;

  constructor(options: ControlServerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    this.#inTime(this.#routed(request))
      .then(({ status, body }) => ({ status, text: JSON.stringify(body) }))
      .catch((error: unknown) => this.#failed(error))
      .then(({ status, text }) => {
        // What is left of a refused body is dropped, so that the refusal can be read; the server bounds its time.
        if (!request.complete) request.resume();
        response.writeHead(status, {
          'content-type': 'application/json; charset=utf-8',
          'cache-control': 'no-store',
          'x-content-type-options': 'nosniff',
        });
        response.end(text);
      })
      .catch((error: unknown) => {
        this.tell(error);
        response.destroy();
      });
  }

  async #routed(request: IncomingMessage): Promise<Answer> {
    const { method = 'GET', url = '/' } = request;
    const path = url.split('?', 1)[0];
    this.#checkOrigin(request);
    const { log } = this.#options;
    if (path === '/log-level' && method === 'GET') return levelAnswer(log);
    if (path === '/log-level' && method === 'POST') {
      const { level } = await bodyOf(request, levelBody);
      if (!log.levels.includes(level)) parseStrictly('invalid_argument', levelIn(log), { level });
      log.level = level;
      return levelAnswer(log);
    }
    if (path === '/status' && method === 'GET')
      return { status: 200, body: (await this.#options.status()) ?? null };
    if (path === '/hook-fatal' && method === 'POST') {
      const dead = await bodyOf(request, deadHookBody);
      await this.#options.onHookFatal({ ...dead, at: dead.at ?? this.#clock.now() } as DeadHook);
      return { status: 200, body: {} };
    }
    const isKnown = ['/log-level', '/status', '/hook-fatal'].includes(path ?? '');
    if (isKnown) throw new GenerationJobError('method_not_allowed', `${path} takes another method.`);
    return { status: 404, body: { paths: ['/log-level', '/status', '/hook-fatal'] } };
  }

  /** @throws GenerationJobError `origin_refused` */
  #checkOrigin({ headers }: IncomingMessage): void {
    const { host, origin, 'sec-fetch-site': site = 'none' } = headers;
    const isLoopback = [LOOPBACK, 'localhost'].some((name) => host?.toLowerCase() === `${name}:${this.port}`);
    if (isLoopback && origin === undefined && (site === 'none' || site === 'same-origin')) return;
    throw new GenerationJobError(
      'origin_refused',
      'Only programs of this machine are answered, and no pages.',
    );
  }

  async #inTime(work: Promise<Answer>): Promise<Answer> {
    let timer: unknown;
    const late = new Promise<never>((_, reject) => {
      timer = this.#clock.setTimeout(
        () => reject(new GenerationJobError('hook_timed_out', `No answer within ${ANSWER_MS} ms.`)),
        ANSWER_MS,
      );
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }

  #failed(error: unknown): { readonly status: number; readonly text: string } {
    const code: ErrorCode = isGenerationJobError(error) ? error.code : 'internal';
    const { status, remedy } = ERROR_TABLE[code];
    if (status >= 500) this.tell(error);
    // A mistake of whoever asks is told in full, with the nearest right level: they are of this machine.
    const message = isGenerationJobError(error) && status < 500 ? error.message : remedy;
    const described = { code, message, ...(code === 'invalid_argument' && levelsOf(this.#options)) };
    return { status, text: JSON.stringify({ error: described }) };
  }

  tell(error: unknown): void {
    try {
      this.#options.onError?.(error);
    } catch {
      // The host's own report failed: there is nobody left to tell.
    }
  }
}

function levelAnswer({ level, levels }: LogLevel): Answer {
  return { status: 200, body: { level, levels } };
}

function levelsOf({ log }: ControlServerOptions): object {
  return { levels: log.levels };
}

function levelIn({ levels }: LogLevel): z.ZodType {
  return z.strictObject({ level: z.enum([...levels]) });
}

function isLogLevel(value: unknown): boolean {
  const { level, levels } = (value ?? {}) as { readonly level?: unknown; readonly levels?: unknown };
  return typeof level === 'string' && Array.isArray(levels);
}

/** @throws GenerationJobError `unsupported_media_type`, `body_too_large`, `json_too_deep`, `invalid_body` */
async function bodyOf<Body>(request: IncomingMessage, schema: z.ZodType<Body>): Promise<Body> {
  // A page's form can't send this type without asking first.
  if (!request.headers['content-type']?.startsWith('application/json'))
    throw new GenerationJobError('unsupported_media_type', 'The body is not plain JSON.');
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request.iterator({ destroyOnReturn: false })) {
    pieces.push(piece as Buffer);
    size += (piece as Buffer).length;
    if (size > LARGEST_BODY)
      throw new GenerationJobError('body_too_large', `The body exceeds ${LARGEST_BODY} bytes.`);
  }
  const text = Buffer.concat(pieces).toString('utf8');
  if (nestsDeeperThan(text, DEEPEST))
    throw new GenerationJobError('json_too_deep', `The body nests deeper than ${DEEPEST}.`);
  return parseStrictly('invalid_body', schema, parsed(text), 'body');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GenerationJobError('invalid_body', 'The body is not JSON.', { cause });
  }
}
