/**
 * The library's own layers around a manager (the HTTP routes) share this with it, and no host sees it: its logger, its
 * errors, its clock, and its followers as batches of text.
 */
import { GenerationJobError } from '../../errors.js';
import type { BatchReader } from '../interfaces/batch-reader.js';
import type { SubscribeUserInput } from '../interfaces/feed.js';
import type { SubscribeOptions } from '../interfaces/manager-types.js';
import type { RemoteAttempts } from '../interfaces/remote-attempts.js';
import type { Parts } from './parts.js';

export interface Internals
  extends Pick<
    Parts,
    | 'actionTypes'
    | 'background'
    | 'clock'
    | 'entropy'
    | 'errors'
    | 'hooks'
    | 'logger'
    | 'models'
    | 'observer'
    | 'options'
    | 'rules'
  > {
  /** Follows a stream as `subscribe` does. @throws what `subscribe` throws */
  follow(streamId: string, options: SubscribeOptions): BatchReader;
  /** Follows a user's feed as `subscribeUser` does. @throws what `subscribeUser` throws */
  followUser(input: SubscribeUserInput): BatchReader;
  /** Commits for producers that work elsewhere. */
  readonly remote: RemoteAttempts;
}

const known = new WeakMap<object, Internals>();

/** Shares a manager's internals with the layers around it, or around one of its jobs or followers. @returns what they are shared of */
export function shareInternals<Shared extends object>(shared: Shared, internals: Internals): Shared {
  known.set(shared, internals);
  return shared;
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

/** Returns the internals of the manager that handed a job out. @throws GenerationJobError `invalid_argument` for what is none */
export function internalsOfJob(job: object): Internals {
  const internals = typeof job === 'object' && job !== null ? known.get(job) : undefined;
  if (internals !== undefined) return internals;
  throw new GenerationJobError(
    'invalid_argument',
    'job must be one that a manager of this copy of generation-jobs handed out.',
  );
}
