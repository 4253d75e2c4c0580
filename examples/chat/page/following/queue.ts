/**
 * What waits for its turn in the conversation on the screen: messages that were sent to be answered when the answer that is being made
 * is done. The list is the server's, read when something tells that it may be another.
 */
import type { FeedEvent, FeedStream, QueuedRun, StreamEvent } from 'generation-jobs/client';
import { field, text } from '../content/provider-text.js';
import {
  cancelQueued,
  listQueue,
  moveQueued,
  resumeQueue,
  type Started,
  type StartRequest,
  startAnswer,
} from './chat-api.js';
import { RefusedError } from './failures.js';

/** A message that waits. */
export interface Waiting {
  readonly queueId: string;
  readonly text: string;
}

/** The events of a conversation at which something that waits may begin, or has begun. */
const TURNS: ReadonlySet<string> = new Set(['created', 'completed', 'failed', 'aborted', 'sync']);

export class Queue {
  readonly #streamId: string;
  readonly #onChange: () => void;
  #waiting: readonly Waiting[] = [];
  #isHeld = false;
  /** Counts the looks; what an older one brings is out of date. */
  #looks = 0;

  constructor(streamId: string, onChange: () => void) {
    this.#streamId = streamId;
    this.#onChange = onChange;
  }

  /** In the order in which they are answered. */
  get waiting(): readonly Waiting[] {
    return this.#waiting;
  }

  /** Whether they wait because somebody has stopped the answer before. */
  get isHeld(): boolean {
    return this.#isHeld && this.#waiting.length > 0;
  }

  /** What can't be read now is read with the next occasion. */
  async refresh(): Promise<void> {
    const look = ++this.#looks;
    const listing = await listQueue(this.#streamId).catch(() => undefined);
    if (listing === undefined || look !== this.#looks) return;
    this.#waiting = listing.waiting.map(({ queueId, created }) => ({ queueId, text: promptIn(created) }));
    this.#isHeld = listing.held;
    this.#onChange();
  }

  /** The conversation goes on. */
  hear({ event }: StreamEvent): void {
    if (this.#waiting.length > 0 && TURNS.has(event)) void this.refresh();
  }

  /** The feed tells how the conversation stands; a tab that follows none is told only that something is another. */
  hearFeed(event: FeedEvent | undefined, stream: FeedStream | undefined): void {
    const isOther = event !== undefined && 'streamId' in event.data && event.data.streamId !== this.#streamId;
    if (!isOther && (stream?.queued !== undefined || this.#waiting.length > 0)) void this.refresh();
  }

  /** Sends a message that is answered when the answer that is made is done; at once, if it is by now. */
  async send(request: Omit<StartRequest, 'conversationId' | 'onConflict'>): Promise<Started> {
    const started = await startAnswer({
      ...request,
      conversationId: this.#streamId,
      onConflict: 'enqueue',
    });
    await this.refresh();
    return started;
  }

  /** Takes a message out. One whose turn has come meanwhile is answered. */
  async takeBack({ queueId }: Waiting): Promise<boolean> {
    return this.#change(() => cancelQueued(this.#streamId, queueId));
  }

  /** Has a message answered one place earlier. */
  async moveUp({ queueId }: Waiting): Promise<void> {
    const position = this.#waiting.findIndex((one) => one.queueId === queueId);
    if (position > 0) await this.#change(() => moveQueued(this.#streamId, queueId, position));
  }

  /** Goes on behind a stop. */
  async goOn(): Promise<void> {
    await this.#change(() => resumeQueue(this.#streamId));
  }

  async #change(call: () => Promise<unknown>): Promise<boolean> {
    try {
      await call();
      return true;
    } catch (error) {
      if (error instanceof RefusedError && error.code === 'run_not_queued') return false;
      throw error;
    } finally {
      await this.refresh();
    }
  }
}

function promptIn(created: QueuedRun['created']): string {
  return text(field(created, 'text'));
}
