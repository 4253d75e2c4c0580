/** A hub needs this of the process it is in, and of the followers it wakes. */
import type { Clock } from '../../clock.js';
import type { EventTransport } from '../interfaces/event-transport.js';
import type { StreamObserver } from '../interfaces/observer.js';
import type { Options } from '../model/options.js';
import type { IndexKeeper } from '../process/index-keeper.js';
import type { LogReader } from '../process/log-reader.js';
import type { StateReader } from '../process/state-reader.js';

export interface Follower {
  /** There may be something to read. */
  wake(): void;
  /** Nothing will come any more, for the reason given. */
  fail(error: unknown): void;
  /**
   * A generation's record is at this revision, and metadata or notes last changed at another, 0 when they have not, or when
   * it is not known: a frame announced it, a page of the log named it, or the poll did, which looks
   * at the current generation alone. Left out by those who look at events only.
   */
  seeRecord?(generation: number, revision: number, changedRevision: number): void;
}

export interface HubContext {
  readonly log: LogReader;
  readonly transport: EventTransport;
  readonly states: StateReader;
  /** Is shown a record now and then, for what its stream's indexes may have lost. */
  readonly indexes: Pick<IndexKeeper, 'noticed' | 'canRepair'>;
  readonly options: Options;
  readonly observer: StreamObserver;
  readonly clock: Clock;
}
