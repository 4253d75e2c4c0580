/**
 * A component reads of a stream, as React wants it, a snapshot that is another object only when something has
 * changed, and a `subscribe`. Following begins with the first subscriber and ends with the last, so that a component that
 * React renders and throws away, or mounts twice, leaves no connection behind.
 */
import {
  type AbortAnswer,
  type AbortStreamOptions,
  type DecideOptions,
  type FollowedGeneration,
  type Following,
  type FollowOptions,
  type FollowState,
  type HostTypes,
  type Json,
  type Said,
  type SendOptions,
  type SentMessage,
  type StreamClient,
  StreamClientError,
} from '../client/index.js';
import { sharedCopy } from './shared.js';

/** The part of a stream that a component shows. */
export interface ShownGeneration<Content> extends FollowedGeneration<Content> {
  /** The state of the connection; null while there is no stream to follow. */
  readonly connection: FollowState | null;
  /** Says why the last `stop` or `decide` failed, else why the connection is away or there is nothing to follow. */
  readonly error: StreamClientError | undefined;
}

/** The hook tells a store this; the functions in it are those of the newest render. */
export interface StoreOptions<Types extends HostTypes, Content> {
  readonly client: StreamClient;
  /** Null while there is nothing to follow. */
  readonly streamId: string | null;
  readonly follow: FollowOptions<Types, Content>;
  /** The shortest time between two renderings for events, in milliseconds. */
  readonly throttleMs: number;
}

const NOTHING = {
  ...{ generation: undefined, status: undefined, pendingAction: null, end: undefined, content: undefined },
  ...{ inbox: [], queued: undefined, connection: null, error: undefined },
} satisfies ShownGeneration<unknown>;

export class GenerationStore<Types extends HostTypes, Content> {
  readonly #options: StoreOptions<Types, Content>;
  readonly #listeners = new Set<() => void>();
  readonly #initial: ShownGeneration<Content>;
  #snapshot: ShownGeneration<Content>;
  #following: Following<Types, Content> | undefined;
  /** The error of the last call that failed, until one succeeds. */
  #failed: StreamClientError | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #renderedAt = 0;

  constructor(options: StoreOptions<Types, Content>) {
    this.#options = options;
    const { streamId, follow } = options;
    const { cursor, status, content, pendingAction = null, end, inbox = [] } = follow.state ?? {};
    this.#initial = {
      ...NOTHING,
      ...(streamId !== null && { connection: { name: 'connecting' } }),
      ...(status !== undefined && { status, pendingAction, inbox, end: end ?? undefined }),
      ...(cursor !== undefined && { generation: Number(cursor.split('-', 1)[0]) }),
      content: (content ?? undefined) as Content | undefined,
    };
    this.#snapshot = this.#initial;
  }

  readonly getSnapshot = (): ShownGeneration<Content> => this.#snapshot;

  /** The same on the server as in the first rendering of the page. */
  readonly getServerSnapshot = (): ShownGeneration<Content> => this.#initial;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#start();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#leave();
    };
  };

  /** Stops the answer that is shown. */
  readonly stop = (options?: Omit<AbortStreamOptions, 'generation'>): Promise<AbortAnswer> =>
    this.#call(({ client, streamId }) =>
      client.abort(streamId, { ...options, generation: this.#snapshot.generation }),
    );

  /** Decides the action that is shown. */
  readonly decide = (said: Said, options?: DecideOptions): Promise<void> =>
    this.#call(async ({ client, streamId }) => {
      const { pendingAction } = this.#snapshot;
      if (pendingAction === null) throw new StreamClientError('nothing_pending');
      await client.decide(streamId, pendingAction, said, options);
    });

  /** Sends a message to the answer that is shown. */
  readonly send = (message: Json, options?: Omit<SendOptions, 'generation'>): Promise<SentMessage> =>
    this.#call(({ client, streamId }) =>
      client.send(streamId, message, { ...options, generation: this.#snapshot.generation }),
    );

  readonly editMessage = (messageId: string, message: Json): Promise<void> =>
    this.#call(({ client, streamId }) =>
      client.editMessage(streamId, messageId, message, { generation: this.#snapshot.generation }),
    );

  readonly cancelMessage = (messageId: string): Promise<void> =>
    this.#call(({ client, streamId }) =>
      client.cancelMessage(streamId, messageId, { generation: this.#snapshot.generation }),
    );

  /** Makes a call; its error is shown, so a promise that nobody awaits is no unhandled rejection. */
  #call<Answer>(
    make: (to: { readonly client: StreamClient; readonly streamId: string }) => Promise<Answer>,
  ): Promise<Answer> {
    const { client, streamId } = this.#options;
    const made =
      streamId === null
        ? Promise.reject(new StreamClientError('invalid_options', 'streamId: there is none.'))
        : make({ client, streamId });
    const told = (failed: StreamClientError | undefined) => {
      this.#failed = failed;
      this.#render();
    };
    made.then(
      () => told(undefined),
      (error: unknown) => told(error instanceof StreamClientError ? error : undefined),
    );
    return made;
  }

  #start(): void {
    const { client, streamId, follow } = this.#options;
    if (streamId === null || this.#following?.state.name === 'ended') return;
    this.#following = client.follow(streamId, {
      ...follow,
      ...(this.#following && goingOn(this.#following, follow.contentModel !== undefined)),
      onEvent: (event) => {
        this.#schedule();
        return follow.onEvent?.(event);
      },
      onState: (state) => {
        this.#schedule();
        follow.onState?.(state);
      },
    });
  }

  /** The snapshot stays, for a component that comes back. */
  #leave(): void {
    this.#following?.close();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Renders soon: what comes in one piece is rendered once. */
  #schedule(): void {
    if (this.#timer !== undefined || this.#listeners.size === 0) return;
    const dueMs = this.#renderedAt + this.#options.throttleMs - Date.now();
    this.#timer = setTimeout(() => this.#render(), Math.max(0, dueMs));
  }

  #render(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#renderedAt = Date.now();
    const following = this.#following;
    const connection = following?.state ?? this.#snapshot.connection;
    const away = connection !== null && 'error' in connection ? connection.error : undefined;
    // Before its `sync`, a following that goes on knows less than what is shown.
    const isTold = following !== undefined && (following.cursor !== '' || following.current.queued);
    const current = isTold ? following.current : this.#snapshot;
    this.#snapshot = {
      ...current,
      content: sharedCopy(this.#snapshot.content, current.content),
      pendingAction: sharedCopy(this.#snapshot.pendingAction, current.pendingAction),
      inbox: sharedCopy(this.#snapshot.inbox, current.inbox),
      connection,
      error: this.#failed ?? away,
    };
    for (const listener of this.#listeners) listener();
  }
}

/** Returns how to go on from what a following knows; nothing, for one that has heard nothing. */
function goingOn<Types extends HostTypes, Content>(
  { cursor, current }: Following<Types, Content>,
  hasModel: boolean,
): Pick<FollowOptions<Types, Content>, 'state' | 'resume'> {
  if (cursor === '') return {};
  const { status, content, pendingAction, end, inbox } = current;
  if (status === undefined || (hasModel && content === undefined)) return { state: undefined, resume: true };
  return { state: { cursor, status, content, pendingAction, end, inbox } };
}
