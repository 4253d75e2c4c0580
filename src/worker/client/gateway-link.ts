/**
 * The way to the gateway: one request and its answer, with a token that is good. A token is renewed before it expires, and once
 * more when the gateway finds it expired; where the host gives a function, that is asked instead. Only the token is kept.
 */
import { type Clock, SECOND, sleep, type TimerHandle } from '../../clock.js';
import { GenerationJobError } from '../../errors.js';
import { isObject, parsedJson } from '../../stream/model/plain-values.js';
import type { HttpAnswer } from '../outbox/delivery.js';

/** A run token, or a function that gives one. */
export type TokenSource = string | (() => string | Promise<string>);

/** A part of `fetch`, as it is used here. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The part of a token's life after which it is renewed. */
const RENEWED_AFTER = 2 / 3;
/** The pause after a renewal that failed. */
const RENEWAL_RETRY_MS = 5 * SECOND;
/** Answers are small; one that is not is no answer of a gateway's. */
const LONGEST_ANSWER = 4 * 1024 * 1024;

/** The claims that a token makes of its run. They are read and not verified: the gateway does that. */
export interface TokenClaims {
  readonly tenantId: string | undefined;
  readonly streamId: string;
  readonly generation: number;
  readonly attempt: number;
  /** Wall time, milliseconds since 1970. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

export interface LinkInput {
  readonly url: string;
  readonly token: TokenSource;
  readonly fetch: Fetch;
  readonly clock: Clock;
  /** The time a request may take. */
  readonly requestMs: number;
}

export class GatewayLink {
  readonly #input: LinkInput;
  readonly #closed = new AbortController();
  #token: string;
  #claims: TokenClaims;
  #renewing: Promise<boolean> | undefined;
  #timer: TimerHandle | undefined;

  private constructor(input: LinkInput, token: string) {
    this.#input = input;
    this.#token = token;
    this.#claims = claimsIn(token);
    this.#schedule();
  }

  /** @throws GenerationJobError `token_invalid` for what is no run token; what the host's function throws */
  static async open(input: LinkInput): Promise<GatewayLink> {
    const { token } = input;
    return new GatewayLink(input, typeof token === 'string' ? token : await token());
  }

  get claims(): TokenClaims {
    return this.#claims;
  }

  /** Gives the token that is good now: another than before, if it can be had, when that was refused. Never rejects. */
  async current({ isRefused }: { readonly isRefused: boolean }): Promise<string> {
    if (isRefused) await this.#renew();
    return this.#token;
  }

  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  /** Sends JSON. @throws what `fetch` throws, when there is no answer in time */
  async send(path: string, body: object | string, signal?: AbortSignal): Promise<HttpAnswer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const first = await this.#post(path, text, signal);
    if (first.status !== 401 || !(await this.#renew())) return first;
    return this.#post(path, text, signal);
  }

  /** Opens a stream of the gateway's; the caller reads its body, or cancels it. @throws what `fetch` throws */
  async follow(path: string, signal: AbortSignal): Promise<Response> {
    const get = () =>
      this.#input.fetch(`${this.#input.url}/${path}`, {
        headers: { ...this.#authorization(), accept: 'text/event-stream' },
        signal: AbortSignal.any([signal, this.#closed.signal]),
      });
    const first = await get();
    if (first.status !== 401 || !(await this.#renew())) return first;
    await first.body?.cancel();
    return get();
  }

  /** Asks for the token of the attempt that goes on after a decision, and uses that from now on. */
  async renewed(signal?: AbortSignal): Promise<HttpAnswer> {
    const answer = await this.#post('token', '{}', signal);
    if (answer.status === 200 && isObject(answer.body) && typeof answer.body.token === 'string')
      this.#use(answer.body.token);
    return answer;
  }

  /** Makes no more requests. */
  close(): void {
    this.#input.clock.clearTimeout(this.#timer);
    this.#closed.abort(new GenerationJobError('closed', 'The worker’s client has been closed.'));
  }

  /** Says whether there is another token now. Never rejects. */
  #renew(): Promise<boolean> {
    this.#renewing ??= this.#renewOnce()
      .catch(() => false) // the request that needs it is refused, and tried again
      .finally(() => {
        this.#renewing = undefined;
      });
    return this.#renewing;
  }

  async #renewOnce(): Promise<boolean> {
    const { token, clock, requestMs } = this.#input;
    if (typeof token === 'string') return (await this.renewed()).status === 200;
    const late = new AbortController();
    const given = await Promise.race([token(), sleep(clock, requestMs, late.signal)]);
    late.abort();
    if (given === undefined || given === this.#token) return false;
    this.#use(given);
    return true;
  }

  #use(token: string): void {
    this.#claims = claimsIn(token);
    this.#token = token;
    this.#schedule();
  }

  #schedule(afterMs?: number): void {
    const { clock } = this.#input;
    clock.clearTimeout(this.#timer);
    if (this.#closed.signal.aborted) return;
    const { issuedAt, expiresAt } = this.#claims;
    const dueAt = issuedAt + (expiresAt - issuedAt) * RENEWED_AFTER;
    this.#timer = clock.setTimeout(
      () => {
        void this.#renew().then((isDone) => {
          if (!isDone) this.#schedule(RENEWAL_RETRY_MS);
        });
      },
      afterMs ?? Math.max(SECOND, dueAt - clock.now()),
    );
  }

  async #post(path: string, body: string, signal?: AbortSignal): Promise<HttpAnswer> {
    const { clock, fetch, url, requestMs } = this.#input;
    const late = new AbortController();
    const timer = clock.setTimeout(
      () =>
        late.abort(new GenerationJobError('unavailable', `The gateway gave no answer in ${requestMs} ms.`)),
      requestMs,
    );
    try {
      const response = await fetch(`${url}/${path}`, {
        method: 'POST',
        headers: { ...this.#authorization(), 'content-type': 'application/json' },
        body,
        signal: AbortSignal.any([late.signal, this.#closed.signal, ...(signal ? [signal] : [])]),
      });
      const retryAfter = response.headers.get('retry-after');
      return { status: response.status, body: jsonOf(await response.text()), retryAfter };
    } finally {
      clock.clearTimeout(timer);
    }
  }

  #authorization(): { readonly authorization: string } {
    return { authorization: `Bearer ${this.#token}` };
  }
}

function jsonOf(text: string): unknown {
  // What is no JSON is the page of a proxy, say.
  return text.length > LONGEST_ANSWER ? undefined : parsedJson(text);
}

/** @throws GenerationJobError `token_invalid` */
function claimsIn(token: unknown): TokenClaims {
  const payload = typeof token === 'string' ? jsonOf(payloadOf(token)) : undefined;
  if (isObject(payload)) {
    const { tenant, stream, generation, attempt, iat, exp } = payload;
    if (
      typeof stream === 'string' &&
      [generation, attempt, iat, exp].every(Number.isSafeInteger) &&
      (tenant === undefined || typeof tenant === 'string')
    ) {
      const [issuedAt, expiresAt] = [Number(iat) * SECOND, Number(exp) * SECOND];
      const place = { streamId: stream, generation: Number(generation), attempt: Number(attempt) };
      return { tenantId: tenant, ...place, issuedAt, expiresAt };
    }
  }
  throw new GenerationJobError('token_invalid', 'token: what was given is no run token.');
}

function payloadOf(token: string): string {
  return Buffer.from(token.split('.', 2)[1] ?? '', 'base64url').toString();
}
