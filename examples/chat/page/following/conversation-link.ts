/**
 * The page's connection to a conversation, by the library's client: its stream through every generation. What is the page's
 * own is here: which replica it is on, its words for a loss, and that a conversation of which nothing is left is no error.
 *
 * States
 * - `connecting`    nothing has come yet.
 * - `live`          the server has answered, and says something at least as often as its heartbeat.
 * - `reconnecting`  the connection was lost, refused for now, or has fallen silent, and is made anew.
 * - `offline`       as `reconnecting`, while the browser says there is no network.
 * - `idle`          nothing to follow until `wake` says there may be: the stream is gone or was never there, or the tab is
 *                   hidden and nothing is expected (browsers allow six connections to a server, over all tabs).
 * - `closed`        `close` was called. Nothing leaves it.
 */
import {
  createStreamClient,
  type Following,
  type FollowState,
  type StreamClientError,
  type StreamEvent,
} from 'generation-jobs/client';
import { type Loss, NoAnswerError, reasonOf } from './failures.js';
import { replicaChoice } from './replica-choice.js';

export type LinkState = 'connecting' | 'live' | 'reconnecting' | 'offline' | 'idle' | 'closed';

export interface LinkHandlers {
  readonly onEvent: (event: StreamEvent) => void;
  /** Also when a lost connection waits for its next try. */
  readonly onState: (state: LinkState) => void;
  /** The stream broke its promise: an event was missing. What there is comes anew, by a `sync`. */
  readonly onBroken: (message: string) => void;
  /** Whether nothing is expected now, so that a hidden tab may let go of its connection. */
  readonly mayRest: () => boolean;
}

/** A connection that is back after one try needs no words. */
const QUIET_FAILURES = 1;

const LONGEST_PAUSE_MS = 8_000;

const client = createStreamClient({
  url: '/api/chat',
  headers: () => replicaChoice.headers,
  fetch: async (...request) => {
    const response = await fetch(...request);
    replicaChoice.note(response, 'stream');
    return response;
  },
});

export class ConversationLink {
  readonly #streamId: string;
  readonly #resume: boolean;
  readonly #handlers: LinkHandlers;
  #following: Following | undefined;
  #state: LinkState = 'connecting';
  #loss: Loss | undefined;

  /** `resume`: begin with a `sync`, for a page that has just been loaded; otherwise with the first event. */
  constructor(streamId: string, resume: boolean, handlers: LinkHandlers) {
    this.#streamId = streamId;
    this.#resume = resume;
    this.#handlers = handlers;
    handlers.onState(this.#state);
    void this.#begin();
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Why the connection is away and when it is tried again, if that is worth telling. */
  get loss(): Loss | undefined {
    return this.#loss;
  }

  /** Tries now instead of later; also when there was nothing to follow. */
  wake(): void {
    if (this.#isOver) void this.#begin();
    else this.#following?.wake();
  }

  /** Lets go of the connection, and goes on from the same place with the next one at once. */
  reconnect(): void {
    if (this.#isOver) void this.#begin();
    else this.#following?.reconnect();
  }

  close(): void {
    this.#enter('closed');
    this.#following?.close();
  }

  /** Whether there was nothing to follow when it was last looked for. */
  get #isOver(): boolean {
    return this.#state === 'idle' && this.#following?.state.name !== 'resting';
  }

  async #begin(): Promise<void> {
    const cursor = this.#following?.cursor || undefined;
    this.#following = undefined;
    if (cursor === undefined && this.#resume && !(await this.#isThere())) return this.#enter('idle');
    if (this.#state === 'closed' || this.#following !== undefined) return;
    this.#following = client.follow(this.#streamId, {
      follow: 'stream',
      cursor,
      resume: this.#resume,
      onEvent: this.#handlers.onEvent,
      onState: (state) => this.#take(state),
      mayRest: this.#handlers.mayRest,
      longestPauseMs: LONGEST_PAUSE_MS,
    });
  }

  /** Whether anything is kept. That nothing is, of an old conversation, is ordinary, and asked for so that it is no error. */
  async #isThere(): Promise<boolean> {
    // Without an answer, it is for the following to come back.
    return client.status(this.#streamId).then(
      (status) => status !== null,
      () => true,
    );
  }

  #take(state: FollowState): void {
    switch (state.name) {
      case 'connecting':
        return;
      case 'live':
        this.#loss = undefined;
        return this.#enter('live');
      case 'waiting':
      case 'offline':
        if (state.error?.code === 'out_of_order') this.#handlers.onBroken(state.error.message);
        this.#loss = state.failures > QUIET_FAILURES ? lossOf(state.error, state.retryAt) : undefined;
        this.#enter(state.name === 'offline' ? 'offline' : 'reconnecting');
        if (this.#loss) this.#handlers.onState(this.#state);
        return;
      case 'resting':
      case 'ended':
      case 'gone':
        this.#loss = undefined;
        return this.#enter('idle');
      case 'closed':
        return this.#enter('closed');
      default:
        state satisfies never;
    }
  }

  #enter(state: LinkState): void {
    if (this.#state === state || this.#state === 'closed') return;
    this.#state = state;
    this.#handlers.onState(state);
  }
}

function lossOf(error: StreamClientError | undefined, retryAt: number): Loss {
  const told = error?.status === undefined ? error : answeredWith(error);
  return { words: `The connection to the conversation is lost: ${reasonOf(told)}.`, retryAt };
}

function answeredWith({ status, code }: StreamClientError): NoAnswerError {
  const name = code === 'refused' ? '' : `: ${code}`;
  return new NoAnswerError(`the server answered ${status}${name}`);
}
