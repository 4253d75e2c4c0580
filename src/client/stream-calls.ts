/**
 * The library's routes as calls. Each is tried again while no answer comes, as it was: an abort names its generation and a
 * decision its key, so a repeat changes nothing.
 */
import type { HostTypes, Untyped } from '../stream/model/host-types.js';
import type { PublicState } from '../stream/model/lifecycle-payloads.js';
import type { SettlementState } from '../stream/model/settlement-state.js';
import type { Answer, ApprovalDecision, Decision, JobStatus, Json, Usage } from '../stream/model/types.js';
import { routeAddress, withQuery } from './address.js';
import { send } from './calls.js';
import { StreamClientError } from './errors.js';
import type { RequestOptions } from './options.js';

/** The state of the current generation, and whether it may still change. */
export type StreamStatus<Types extends HostTypes = Untyped> = PublicState<Types> & {
  readonly active: boolean;
};

export interface AbortStreamOptions {
  /** The generation that is shown, so that a click that comes late ends nothing newer. Default: the current one. */
  readonly generation?: number | undefined;
  /** `settled` answers when what was said is saved, or after 10 s. Default: at once. */
  readonly wait?: 'settled' | undefined;
  /** Ends the call when it fires. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** What became of an abort. Of a generation that had ended before, only the first three may be known. */
export interface AbortAnswer {
  /** True when this call has stopped it. */
  readonly aborted: boolean;
  /** The stream. */
  readonly streamId: string;
  /** The generation; absent when none was named, and it had ended. */
  readonly generation?: number | undefined;
  /** The status of the generation. */
  readonly status?: JobStatus | undefined;
  /** The cursor of the end. */
  readonly cursor?: string | undefined;
  /** The content as it was stopped; null without a content model. */
  readonly content?: unknown;
  /** True when no event of the host had been committed. */
  readonly early?: boolean | undefined;
  /** True when nothing of the answer is worth showing. */
  readonly isEmpty?: boolean | undefined;
  /** The counters of the generation. */
  readonly usage?: Usage | undefined;
  /** Says whether it is saved. */
  readonly settlement?: SettlementState | undefined;
}

/** A decision on everything that an action asks: one word for all its requests, or one for each. */
export type Said =
  | 'approve'
  | 'reject'
  | {
      /** A decision for each of the requests. Default: none. */
      readonly decisions?: readonly Decision[] | undefined;
      /** An answer for each of the questions. Default: none. */
      readonly answers?: readonly Answer[] | undefined;
      /** The answer to an action of the host's own type. Default: none. */
      readonly response?: Json | undefined;
    };

/** An action as it was shown: that of an event, of a `sync` or of a status. */
export interface ShownAction {
  /** Names the action. */
  readonly actionId: string;
  /** The digest of what was shown: a decision on something else is refused. */
  readonly payloadDigest?: string | undefined;
  /** The requests to decide; needed for `approve` and `reject`. */
  readonly requests?: readonly { readonly id: string }[] | undefined;
}

export interface DecideOptions {
  /** The name of this decision, the same for a repeat; 1 to 256 characters. Default: made up for the call. */
  readonly idempotencyKey?: string | undefined;
  /** Ends the call when it fires. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** The routes of one mount, as calls. All reject with a `StreamClientError` that has a code and a remedy. */
export class StreamCalls {
  readonly #url: string;
  readonly #options: RequestOptions;

  /** Is made by `createStreamClient`, and by a following. */
  constructor(url: string, options: RequestOptions) {
    this.#url = url;
    this.#options = options;
  }

  /** Reads the current generation's state; null when nothing is there for the caller. */
  async status<Types extends HostTypes = Untyped>(
    streamId: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<StreamStatus<Types> | null> {
    const address = routeAddress(this.#url, `/status/${encodeURIComponent(streamId)}`);
    try {
      const answer = await send(withQuery(address, { missing: 'ok' }), this.#options, options);
      return (answer as { generation: number | null }).generation === null
        ? null
        : (answer as StreamStatus<Types>);
    } catch (error) {
      if (error instanceof StreamClientError && error.code === 'stream_not_found') return null;
      throw error;
    }
  }

  /** Stops an answer. One that has ended before is as good as stopped: `aborted` is false then. */
  async abort(streamId: string, options: AbortStreamOptions = {}): Promise<AbortAnswer> {
    const { generation, wait, signal } = options;
    const address = withQuery(routeAddress(this.#url, '/abort'), { wait });
    try {
      const body = { streamId, generation };
      // Sent again, one that names no generation could stop the next answer.
      const isRepeatable = generation !== undefined;
      return (await send(address, this.#options, { body, signal, isRepeatable })) as AbortAnswer;
    } catch (error) {
      if (error instanceof StreamClientError && error.code === 'generation_ended')
        return { aborted: false, streamId, generation };
      throw error;
    }
  }

  /**
   * Decides an action, on the ground of what was shown. Resolves when the decision stands; what goes on comes by the stream.
   * @throws StreamClientError (by rejecting) `action_decided` with the `outcome` when somebody was first; PROTOCOL, 6.7
   */
  async decide(
    streamId: string,
    action: ShownAction,
    said: Said,
    { idempotencyKey = randomKey(), signal }: DecideOptions = {},
  ): Promise<void> {
    const { actionId, payloadDigest, requests = [] } = action;
    const given =
      typeof said === 'string'
        ? { decisions: requests.map(({ id }) => ({ id, decision: said satisfies ApprovalDecision })) }
        : said;
    const body = { streamId, actionId, ...given, payloadDigest, idempotencyKey };
    await send(routeAddress(this.#url, '/resume'), this.#options, { body, signal });
  }
}

/** Makes 32 hexadecimal digits; `crypto.randomUUID` is missing in a page that came over plain HTTP. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
