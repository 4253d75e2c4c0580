/**
 * A transport whose failures are told and fail nobody. Followers and producers do without it: they find in the log, or with
 * their next renewal, what it has not brought. So nothing here is thrown on, and without this nobody would learn that all
 * of it is slow. Each failure is counted; of one kind the first is told to the host, and then one a minute with how many
 * there were, since a link that is down fails for every stream at each poll.
 */
import { type Clock, MINUTE } from '../../clock.js';
import type { GenerationJobError } from '../../errors.js';
import type { ControlSignal, EventTransport, FrameListener } from '../interfaces/event-transport.js';
import type { StreamObserver, TransportStep } from '../interfaces/observer.js';
import type { Report } from '../interfaces/report.js';
import type { Frame, StreamKey } from '../model/types.js';
import type { ErrorReporter } from './error-reports.js';
import { callUnawaited } from './host-code.js';
import type { PartWatch } from './part-watch.js';

/** Kinds of failure that are remembered: a transport has a handful of sentences, unless they name what they fail on. */
const MOST_KINDS = 100;

interface Watchers {
  readonly observer: Pick<StreamObserver, 'transportFailed'>;
  readonly errors: Pick<ErrorReporter, 'report'>;
  readonly clock: Clock;
  /** Told how the transport is, as far as it answers. */
  readonly watch: PartWatch;
}

export class SafeTransport implements EventTransport {
  readonly kind: string;
  readonly #inner: EventTransport;
  readonly #watchers: Watchers;
  /** The last report by step and message: when it was, on the monotonic clock, and how often it failed since. */
  readonly #reported = new Map<string, { at: number; since: number }>();

  /** One for all tries to start, since a transport keeps what it is given. */
  readonly #report: Report = (error) => {
    this.#watchers.watch.failed(error);
    this.#failed('link', error);
  };

  constructor(inner: EventTransport, watchers: Watchers) {
    this.#inner = inner;
    this.#watchers = watchers;
    this.kind = inner.kind;
  }

  get failing(): GenerationJobError | undefined {
    return this.#inner.failing;
  }

  /** Rejects as the transport does: who can't start must know. */
  async start(): Promise<void> {
    const { watch } = this.#watchers;
    try {
      await this.#inner.start(this.#report);
    } catch (error) {
      watch.failed(error);
      throw error;
    }
    watch.answered();
  }

  /** Rejects as the transport does, so that it is tried again. */
  async subscribe(key: StreamKey, listener: FrameListener): Promise<() => Promise<void>> {
    const { watch } = this.#watchers;
    try {
      const leave = await this.#inner.subscribe(key, listener);
      if (this.failing === undefined) watch.answered();
      else watch.failed(this.failing);
      return leave;
    } catch (error) {
      watch.failed(error);
      this.#failed('subscribe', error, key);
      throw error;
    }
  }

  publish(frame: Frame): void {
    this.#try('publish', frame.key, () => this.#inner.publish(frame));
  }

  publishGone(key: StreamKey): void {
    this.#try('publish', key, () => this.#inner.publishGone(key));
  }

  signal(signal: ControlSignal): void {
    this.#try('signal', signal.key, () => this.#inner.signal(signal));
  }

  onSignal(listener: (signal: ControlSignal) => void): () => void {
    return this.#inner.onSignal(listener);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #try(step: TransportStep, key: StreamKey, call: () => unknown): void {
    callUnawaited(call, (error) => this.#failed(step, error, key));
  }

  #failed(step: TransportStep, error: unknown, record?: StreamKey): void {
    const { observer, errors, clock } = this.#watchers;
    observer.transportFailed(step);
    const kind = `${step} ${error instanceof Error ? error.message : String(error)}`;
    const now = clock.monotonic();
    const earlier = this.#reported.get(kind);
    if (earlier !== undefined && now - earlier.at < MINUTE) {
      earlier.since++;
      return;
    }
    if (this.#reported.size >= MOST_KINDS) this.#reported.clear();
    this.#reported.set(kind, { at: now, since: 0 });
    const details = { step, failed: (earlier?.since ?? 0) + 1 };
    errors.report({ where: 'transport', error, record, details });
  }
}
