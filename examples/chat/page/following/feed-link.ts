/**
 * The feed of the page's user: where each of their conversations stands, whichever of them is open. One tab of a browser follows
 * it and tells the others, since a browser has six connections to a server, all tabs together; when that tab goes, another one
 * takes its place. Where tabs can't agree on one (no locks outside secure contexts), each follows by itself while it is looked at.
 */
import {
  createStreamClient,
  type FeedEvent,
  type FeedFollowing,
  type FeedStream,
} from 'generation-jobs/client';
import { replicaChoice } from './replica-choice.js';

export interface FeedHandlers {
  /** Something is told: `streams` has it. The event is there in the tab that follows, and nowhere else. */
  readonly onChange: (event: FeedEvent | undefined) => void;
}

/** What tabs say to each other. */
type Told = 'who follows?' | { readonly streams: readonly FeedStream[] };

const NAME = 'generation-jobs-feed';
const LONGEST_PAUSE_MS = 8_000;

const client = createStreamClient({
  url: '/api/chat',
  headers: () => replicaChoice.headers,
  fetch: async (...request) => {
    const response = await fetch(...request);
    replicaChoice.note(response, 'call');
    return response;
  },
});

export class FeedLink {
  readonly #handlers: FeedHandlers;
  readonly #tabs = new BroadcastChannel(NAME);
  #streams: ReadonlyMap<string, FeedStream> = new Map();
  #following: FeedFollowing | undefined;
  /** The ends that were said to be seen, by stream and generation. */
  readonly #seen = new Set<string>();

  constructor(handlers: FeedHandlers) {
    this.#handlers = handlers;
    this.#tabs.addEventListener('message', ({ data }: MessageEvent<Told>) => this.#hear(data));
    this.#say('who follows?');
    void this.#begin();
  }

  /** Where each conversation stands: what is active, waits, or has ended. */
  get streams(): ReadonlyMap<string, FeedStream> {
    return this.#streams;
  }

  /** Whether any of them waits for a person. */
  get needsSomebody(): boolean {
    return [...this.#streams.values()].some(({ status }) => status === 'requires_action');
  }

  /** Somebody looks at a conversation: if it has ended, it has been seen. */
  async see(id: string): Promise<void> {
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.seen || !hasEnded(stream)) return;
    const end = `${id} ${stream.generation}`;
    if (this.#seen.has(end)) return;
    this.#seen.add(end);
    const { generation } = stream;
    // Said in vain, it is said again with the next look.
    await client.markSeen(id, { generation }).catch(() => this.#seen.delete(end));
  }

  reconnect(): void {
    this.#following?.reconnect();
  }

  async #begin(): Promise<void> {
    const { locks } = navigator as { locks?: LockManager };
    if (locks === undefined) this.#follow(() => document.hidden);
    else await locks.request(NAME, () => this.#follow(() => false).done);
  }

  #follow(mayRest: () => boolean): FeedFollowing {
    const following = client.followFeed({
      mayRest,
      longestPauseMs: LONGEST_PAUSE_MS,
      onEvent: (event) => {
        this.#streams = following.streams;
        this.#tell();
        this.#handlers.onChange(event);
      },
    });
    this.#following = following;
    return following;
  }

  #tell(): void {
    this.#say({ streams: [...this.#streams.values()] });
  }

  #hear(told: Told): void {
    if (told === 'who follows?') {
      if (this.#following) this.#tell();
      return;
    }
    if (this.#following) return; // a tab that is alone with its connection knows better
    this.#streams = new Map(told.streams.map((stream) => [stream.streamId, stream]));
    this.#handlers.onChange(undefined);
  }

  #say(told: Told): void {
    this.#tabs.postMessage(told);
  }
}

function hasEnded({ status }: FeedStream): boolean {
  return status !== 'running' && status !== 'requires_action' && status !== 'queued';
}
