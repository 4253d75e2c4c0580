/**
 * What the library's own layers around a manager (the HTTP routes) share with it, and no host sees: its logger, its errors, its
 * clock, and its followers as batches of text.
 */
import { GenerationJobError } from '../errors.js';
import type { SubscribeOptions } from './manager-types.js';
import type { DetachResult } from './observer.js';
import type { Parts } from './parts.js';
import type { Batch } from './stream-hub.js';

/** A follower that is read synchronously, batch by batch, by a reader which is told when there is more. */
export interface BatchReader {
  /** Resolves when attached; rejects with the reason why not. */
  readonly ready: Promise<void>;
  /** Called when `read` may have something, or the reader has closed. */
  onReadable: (() => void) | undefined;
  /** Why it has closed; undefined while it is open. */
  readonly closedBy: DetachResult | undefined;
  /** The place of the last event read. */
  readonly cursor: string;
  /** The next events, or null when there are none now. @throws what `ready` rejected with; `unavailable` */
  read(): Batch | null;
  close(reason: DetachResult): void;
}

export interface Internals
  extends Pick<Parts, 'background' | 'clock' | 'entropy' | 'errors' | 'observer' | 'logger' | 'options'> {
  /** Follows a stream as `subscribe` does. @throws what `subscribe` throws */
  follow(streamId: string, options: SubscribeOptions): BatchReader;
}

const known = new WeakMap<object, Internals>();

/** Shares a manager's internals with the layers around it. */
export function shareInternals(manager: object, internals: Internals): void {
  known.set(manager, internals);
}

/** @throws GenerationJobError `invalid_options` for what is no manager, or one of another copy of the package */
export function internalsOf(manager: object): Internals {
  const internals = known.get(manager);
  if (internals !== undefined) return internals;
  throw new GenerationJobError(
    'invalid_options',
    'manager must be a GenerationJobManager, and of this copy of generation-jobs: install the package once.',
  );
}
