/**
 * One mount of the library's routes: its streams to follow, and its calls. Each call is tried again while no answer comes, as it was: an abort names its generation and a
 * decision its key, so a repeat changes nothing.
 */
import type { SentMessage } from '../stream/interfaces/inbox.js';

import type { PublicMatch } from '../stream/interfaces/rules.js';
import type { HostTypes, Untyped } from '../stream/model/host-types.js';
import type { InboxMessage, MessageKind } from '../stream/model/inbox-message.js';
import type { PublicState } from '../stream/model/lifecycle-payloads.js';
import type { QueuedRun } from '../stream/model/queued-run.js';
import type { SettlementState } from '../stream/model/settlement-state.js';
import type { Answer, ApprovalDecision, Decision, JobStatus, Json, Usage } from '../stream/model/types.js';
import { withQuery } from './address.js';
import { send } from './calls.js';
import { check, type Rule } from './checks.js';
import { StreamClientError } from './errors.js';
import { type FeedFollowing, followFeed } from './follow-feed.js';
import { Following } from './following.js';
import {
  checkClientOptions,
  checkFeedOptions,
  checkFollowOptions,
  type FeedOptions,
  type FollowOptions,
  type RequestOptions,
} from './options.js';
import { QueueCalls } from './queue-calls.js';

/** The settings of a client. */
export interface StreamClientOptions extends RequestOptions {
  /** The address that the routes are mounted at, such as `/api/chat`, without a query; absolute outside a page. */
  readonly url: string;
}

/** The state of the current generation, and whether it may still change. */
export type StreamStatus<Types extends HostTypes = Untyped> = PublicState<Types> & {
  /** Says whether the generation may still change. */
  readonly active: boolean;
};

export interface AbortStreamOptions {
  /** The generation that is shown, so that a click that comes late ends nothing newer. Default: the current one. */
  readonly generation?: number | undefined;
  /** `settled` answers when what was said is saved, or after 10 s. Default: at once. */
  readonly wait?: 'settled' | undefined;
  /** `clear` takes away what waits in the stream's queue, too. Default: the stop holds the queue until `queue.resume`. */
  readonly queue?: 'clear' | undefined;
  /** Ends the call when it fires. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** The outcome of an abort. Of a generation that had ended before, only the first three may be known. */
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
  /** The messages that were accepted and never took effect: `claimUnsent` hands them out. */
  readonly unsent?: readonly InboxMessage[] | undefined;
  /** The runs that were taken out of the queue, with `queue: 'clear'`. */
  readonly unqueued?: readonly QueuedRun[] | undefined;
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

/** A decision is remembered with these bounds. */
export interface Remember {
  /** Says for whose calls: those of the conversation, of all that the user has, or of the tenant, which the host must allow. */
  readonly scope: 'conversation' | 'user' | 'tenant';
  /** The time it holds (ms): 1 s to 366 days. Default: the server's. */
  readonly expiresInMs?: number | undefined;
  /** The most calls: 1 to 1,000. Default: no bound. */
  readonly budget?: number | undefined;
}

/** A rule of the user's, as the server shows it. */
export interface ShownRule {
  /** Names the rule. */
  readonly ruleId: string;
  /** The name of the tool. */
  readonly tool: string;
  /** The calls it allows, by their arguments. */
  readonly match: PublicMatch;
  /** Says for whose calls it holds. */
  readonly scope: 'conversation' | 'user';
  /** The conversation, for that scope. */
  readonly conversationId?: string | undefined;
  /** Names who gave it. */
  readonly givenBy: string;
  /** Says when it was given: the server's time, milliseconds since 1970. */
  readonly givenAt: number;
  /** Says when it ends: the server's time, milliseconds since 1970. */
  readonly expiresAt: number;
  /** The most uses; absent when there is no bound. */
  readonly budget?: number | undefined;
  /** The number of its uses so far. */
  readonly used: number;
}

export interface DecideOptions {
  /** Makes rules of what is approved, so that such calls are not asked about again. Default: nothing is remembered. */
  readonly remember?: Remember | undefined;
  /** The name of this decision, the same for a repeat; 1 to 256 characters. Default: made up for the call. */
  readonly idempotencyKey?: string | undefined;
  /** Ends the call when it fires. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

export interface SeenOptions {
  /** The generation that was looked at, so that a newer one stays unseen. Default: whichever has ended. */
  readonly generation?: number | undefined;
  /** Ends the call when it fires. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

export interface SendOptions {
  /** Says what the producer should do: `steer`, `preempt`, or a word of the server's own. Default `steer`. */
  readonly kind?: MessageKind | undefined;
  /** The generation that is shown, so that a message that comes late goes to nothing newer. Default: the current one. */
  readonly generation?: number | undefined;
  /** The name of this sending, the same for a repeat; 1 to 256 characters. Default: made up for the call. */
  readonly idempotencyKey?: string | undefined;
  /** Ends the call when it fires. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

export interface MessageOptions {
  /** The generation that has the message. Default: the current one. */
  readonly generation?: number | undefined;
  /** Ends the call when it fires. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

const SIGNAL = { signal: 'object' } satisfies Record<string, Rule>;
const MESSAGE = { ...SIGNAL, generation: [1, Number.MAX_SAFE_INTEGER] } satisfies Record<string, Rule>;

/** The routes of one mount. Calls reject with a `StreamClientError` that has a code and a remedy. */
export class StreamClient {
  /** Runs that wait for their turn. */
  readonly queue: QueueCalls;
  readonly #options: StreamClientOptions;

  /** Is made by `createStreamClient`. */
  constructor(options: StreamClientOptions) {
    this.#options = options;
    this.queue = new QueueCalls(options.url, options);
  }

  /** Follows a stream, as `followStream` does. @throws StreamClientError `invalid_options` */
  follow<Types extends HostTypes = Untyped, Content = unknown>(
    streamId: string,
    options: FollowOptions<Types, Content> = {},
  ): Following<Types, Content> {
    const { url, headers, credentials, fetch } = this.#options;
    const address = `${url}/stream/${encodeURIComponent(streamId)}`;
    checkFollowOptions(options);
    return new Following(address, { headers, credentials, fetch, ...options });
  }

  /** Reads the current generation's state; null when nothing is there for the caller. */
  async status<Types extends HostTypes = Untyped>(
    streamId: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<StreamStatus<Types> | null> {
    check(options, SIGNAL);
    const address = `${this.#options.url}/status/${encodeURIComponent(streamId)}`;
    const answer = (await send(withQuery(address, { missing: 'ok' }), this.#options, options).catch(
      unless('stream_not_found', null),
    )) as StreamStatus<Types> | null;
    return answer?.generation ? answer : null;
  }

  /** Stops an answer. One that has ended before is as good as stopped: `aborted` is false then. */
  async abort(streamId: string, options: AbortStreamOptions = {}): Promise<AbortAnswer> {
    check(options, { ...SIGNAL, generation: [1, Number.MAX_SAFE_INTEGER], wait: 'settled', queue: 'clear' });
    const { generation, wait, queue, signal } = options;
    const address = withQuery(`${this.#options.url}/abort`, { wait, queue });
    // Sent again, one that names no generation could stop the next answer.
    const call = { body: { streamId, generation }, signal, isRepeatable: generation !== undefined };
    const ended = unless('generation_ended', { aborted: false, streamId, generation });
    return (await send(address, this.#options, call).catch(ended)) as AbortAnswer;
  }

  /**
   * Decides an action, on the ground of what was shown. Resolves when the decision stands, with the rules that were made of it
   * (none without `remember`, or by a server that has no rules); what goes on comes by the stream.
   * @throws StreamClientError (by rejecting) `action_decided` with the `outcome` when somebody was first; PROTOCOL, 6.7
   */
  async decide(
    streamId: string,
    action: ShownAction,
    said: Said,
    options: DecideOptions = {},
  ): Promise<readonly ShownRule[]> {
    check(options, { ...SIGNAL, idempotencyKey: 'string', remember: 'object' });
    const { idempotencyKey = randomKey(), remember, signal } = options;
    const { actionId, payloadDigest, requests = [] } = action;
    const given =
      typeof said === 'string'
        ? { decisions: requests.map(({ id }) => ({ id, decision: said satisfies ApprovalDecision })) }
        : said;
    const body = { streamId, actionId, ...given, payloadDigest, idempotencyKey };
    const query = {
      remember: remember?.scope,
      rememberMs: remember?.expiresInMs?.toString(),
      rememberTimes: remember?.budget?.toString(),
    };
    const answer = await send(withQuery(`${this.#options.url}/resume`, query), this.#options, {
      body,
      signal,
    });
    return (answer as { readonly rules?: readonly ShownRule[] }).rules ?? [];
  }

  /** Lists the user's rules, the oldest first. Rejects where the server's manager has no rules. */
  async rules(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<readonly ShownRule[]> {
    check(options, SIGNAL);
    return (await send(`${this.#options.url}/rules`, this.#options, options)) as readonly ShownRule[];
  }

  /** Takes a rule of the user's back, at once. Says whether there was one. */
  async revokeRule(
    ruleId: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<boolean> {
    check(options, SIGNAL);
    const address = `${this.#options.url}/rules/${encodeURIComponent(ruleId)}`;
    const answer = await send(address, this.#options, { ...options, method: 'DELETE' });
    return (answer as { readonly revoked: boolean }).revoked;
  }

  /** Follows the caller's feed, as `followFeed` does. @throws StreamClientError `invalid_options` */
  followFeed(options: FeedOptions = {}): FeedFollowing {
    const { url, headers, credentials, fetch } = this.#options;
    checkFeedOptions(options);
    return followFeed(`${url}/feed`, { headers, credentials, fetch, ...options });
  }

  /** Says that the caller has seen how a stream has ended: its feed says so from then on, in every tab. */
  async markSeen(streamId: string, options: SeenOptions = {}): Promise<void> {
    check(options, { ...SIGNAL, generation: [1, Number.MAX_SAFE_INTEGER] });
    const { generation, signal } = options;
    await send(`${this.#options.url}/seen`, this.#options, { body: { streamId, generation }, signal });
  }

  /**
   * Sends a message to the answer that is being made. It waits until the producer takes it: `current.inbox` of a following shows
   * it, and the event `message` where it took effect.
   * @throws StreamClientError (by rejecting) `generation_ended`, `inbox_full`, `message_too_large`
   */
  async send(streamId: string, message: Json, options: SendOptions = {}): Promise<SentMessage> {
    check(options, { ...MESSAGE, kind: 'string', idempotencyKey: 'string' });
    const { idempotencyKey = randomKey(), signal, ...rest } = options;
    const body = { streamId, message, ...rest, idempotencyKey };
    return (await send(`${this.#options.url}/messages`, this.#options, { body, signal })) as SentMessage;
  }

  /** Changes a message that waits. @throws StreamClientError (by rejecting) `message_taken` when it waits no longer */
  async editMessage(
    streamId: string,
    messageId: string,
    message: Json,
    options: MessageOptions = {},
  ): Promise<void> {
    await this.#change('edit', { streamId, messageId, message }, options);
  }

  /** Takes a message that waits away. @throws StreamClientError (by rejecting) `message_taken` when it waits no longer */
  async cancelMessage(streamId: string, messageId: string, options: MessageOptions = {}): Promise<void> {
    await this.#change('cancel', { streamId, messageId }, options);
  }

  /** Claims what was sent to an answer that has ended and never took effect: one caller gets it, any other nothing. */
  async claimUnsent(streamId: string, options: MessageOptions = {}): Promise<readonly InboxMessage[]> {
    // The claim has a name, so that a repeat gets what was claimed by a call whose answer was lost.
    const answer = await this.#change('claim', { streamId, claimId: randomKey() }, options);
    return (answer as { readonly messages: readonly InboxMessage[] }).messages;
  }

  #change(route: string, said: object, options: MessageOptions): Promise<unknown> {
    check(options, MESSAGE);
    const { generation, signal } = options;
    const body = { ...said, generation };
    return send(`${this.#options.url}/messages/${route}`, this.#options, { body, signal });
  }
}

/**
 * Makes a client of the library's routes, for calls beside a following.
 * @throws StreamClientError `invalid_options`
 * @example
 * const client = createStreamClient({ url: '/api/chat' });
 * const following = client.follow(streamId, { onEvent: show });
 * const state = await client.status(streamId);
 * if (state?.pendingAction) await client.decide(streamId, state.pendingAction, 'approve');
 * await client.abort(streamId, { generation: following.current.generation });
 */
export function createStreamClient(options: StreamClientOptions): StreamClient {
  checkClientOptions(options);
  return new StreamClient(options);
}

/** Makes a text that no other call has; `crypto.randomUUID` is missing in a page that came over plain HTTP. */
function randomKey(): string {
  return `${Date.now()}-${Math.random()}`;
}

/** Makes a listener for a rejection that stands for an answer. */
function unless<Value>(code: string, value: Value): (error: unknown) => Value {
  return (error) => {
    if (error instanceof StreamClientError && error.code === code) return value;
    throw error;
  };
}
