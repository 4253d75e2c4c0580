/** A subscription needs this of those who keep it. */
import type { Clock } from '../../clock.js';
import type { StreamObserver } from '../interfaces/observer.js';
import type { JobRecord, Json, StreamKey } from '../model/types.js';
import type { ErrorReporter } from '../process/error-reports.js';
import type { SettledWaitInput } from './record-wait.js';

export interface SubscriptionContext<Subscription> {
  readonly observer: StreamObserver;
  readonly errors: ErrorReporter;
  readonly clock: Clock;
  /** Returns the store's time. */
  now(): number;
  /** Waits for a settlement, bounded; returns the record as it is then. */
  whenSettled(key: StreamKey, input: SettledWaitInput): Promise<JobRecord | null>;
  publicMetadata(record: JobRecord): Promise<Json>;
  onReaderFailed(error: unknown, subscription: Subscription): void;
  /** Called once, when the subscription has closed. */
  onClosed(subscription: Subscription): void;
}
