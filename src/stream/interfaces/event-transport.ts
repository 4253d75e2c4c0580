/**
 * The transport's contract: it makes following fast, and nothing is true because of it. It may lose, delay, repeat or
 * reorder anything; followers then find it in the log. Its only duty beyond trying is to say when it may have lost
 * something (`onReset`), so that followers look at once instead of at the next poll.
 */
import type { GenerationJobError } from '../../errors.js';
import type { Frame, StreamKey } from '../model/types.js';
import type { Report } from './report.js';

export interface FrameListener {
  /** Is given each frame as it arrives; order and gaps are the hub's to see to. */
  onFrame(frame: Frame): void;
  /** The stream was deleted. */
  onGone(): void;
  /** Frames may have been missed: the link was made anew, or the subscription moved. */
  onReset(): void;
}

/**
 * Asks the producer of a generation to stop, after the commit that ended it; or with `kind`, all other replicas to look at the stream
 * for something that one of them can do. A transport that passes on no `kind` costs time alone.
 */
export interface ControlSignal {
  /** The stream it is about. */
  readonly key: StreamKey;
  /** The generation it is about. */
  readonly generation: number;
  /**
   * `handover`: its producer has left, and nobody has it. `queued`: a run is about to wait behind it, which is 0 where there is none.
   * Left out: it has been ended by others.
   */
  readonly kind?: 'handover' | 'queued' | undefined;
}

export interface EventTransport {
  /** Names the transport in logs: `memory`, `redis`, or a host's own. */
  readonly kind: string;
  /**
   * Says why some of what is listened to goes unheard, for as long as it does: `health` tells it, although new listeners are
   * answered. Left out where that can't be.
   */
  readonly failing?: GenerationJobError | undefined;

  /**
   * Resolves when the transport can be used.
   * @param report is told of what goes wrong later: with the link, or with what was sent on. It may be told often
   * @throws GenerationJobError `unavailable` when it can't be reached
   */
  start(report?: Report): Promise<void>;

  /**
   * Listens to a stream. Resolves once frames committed from now on will be tried; the returned function stops it.
   * At most one listener per stream and process: the hub. Both settle in a time of their own, however the link is: whoever begins
   * to follow waits for the first, and reads the log when it rejects; whoever closes waits for the other.
   */
  subscribe(key: StreamKey, listener: FrameListener): Promise<() => Promise<void>>;

  /** Delivers a frame that a store committed without publishing it itself. Never throws. */
  publish(frame: Frame): void;

  /** Tells followers on every replica that the stream was deleted. */
  publishGone(key: StreamKey): void;

  /**
   * Tries to reach the producer, wherever it runs, or with a `kind` every replica. Never throws: the next write, renewal or sweep
   * tells it anyway.
   */
  signal(signal: ControlSignal): void;

  /** Hears signals for any generation; the returned function stops it. */
  onSignal(listener: (signal: ControlSignal) => void): () => void;

  /** Ends every subscription and link of its own. Safe to call again. */
  close(): Promise<void>;
}
