/**
 * Asks the store and the transport how they are, for probes: each once at a time, however many ask here, and no longer
 * than a moment, since a probe that waits for a server that hangs is taken for a dead process. A question that gets no
 * answer in that time stays open: its answer counts when it comes, until another has been asked in its place.
 */
import { sleep } from '../../clock.js';
import { GenerationJobError } from '../../errors.js';
import type { FrameListener } from '../interfaces/event-transport.js';
import type { Health } from '../interfaces/operators.js';
import { streamKey } from '../model/stream-key.js';
import type { PartWatch } from './part-watch.js';
import type { Parts } from './parts.js';

/** Less than the second that Kubernetes gives a probe by default. */
const ANSWER_MS = 750;
/**
 * The time after which an open question is given up, and the next look asks anew; at most that many are open at a time.
 */
const GIVE_UP_MS = 10_000;

const DEAF: FrameListener = { onFrame() {}, onGone() {}, onReset() {} };

interface Question {
  /** This is a time on the monotonic clock. */
  readonly askedAt: number;
  /** This is wall time. */
  readonly askedOn: number;
  readonly answer: Promise<void>;
  isOpen: boolean;
}

/** A manager knows this of itself. */
interface ManagerState {
  readonly isOpen: boolean;
  readonly isDraining: boolean;
  readonly startedAt: number | undefined;
}

export class HealthCheck {
  readonly #parts: Parts;
  readonly #open = new Map<PartWatch, Question>();
  #ownStream: string | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Says how this replica is, once it has looked. Never rejects, and takes no longer than a moment. */
  async report({ isOpen, isDraining, startedAt }: ManagerState): Promise<Health> {
    const { watches, replicaId } = this.#parts;
    if (isOpen) await this.#look();
    const [store, transport] = [watches.store.state, watches.transport.state];
    const isReady = isOpen && !isDraining && store.status === 'ok';
    return { isReady, store, transport, isDraining, startedAt, replicaId };
  }

  async #look(): Promise<void> {
    const { store, watches } = this.#parts;
    await Promise.all([
      this.#ask(watches.store, () => store.due.list({ limit: 1 })),
      this.#ask(watches.transport, () => this.#listen()),
    ]);
  }

  /** Listens for a moment to a stream that nobody has: this takes the way that followers need. */
  async #listen(): Promise<void> {
    const { transport, entropy } = this.#parts;
    this.#ownStream ??= entropy.id();
    const leave = await transport.subscribe(streamKey(this.#ownStream), DEAF);
    await leave();
    if (transport.failing !== undefined) throw transport.failing;
  }

  async #ask(watch: PartWatch, call: () => Promise<unknown>): Promise<void> {
    const { clock } = this.#parts;
    const known = this.#open.get(watch);
    const isOld = known === undefined || clock.monotonic() - known.askedAt > GIVE_UP_MS;
    const question = isOld ? this.#begin(watch, call) : known;
    const over = new AbortController();
    await Promise.race([question.answer, sleep(clock, ANSWER_MS, over.signal)]);
    over.abort();
    if (!question.isOpen) return;
    watch.failed(new GenerationJobError('unavailable', 'There was no answer.'), question.askedOn);
  }

  #begin(watch: PartWatch, call: () => Promise<unknown>): Question {
    const { clock } = this.#parts;
    const settle = (tell: () => void) => {
      question.isOpen = false;
      if (this.#open.get(watch) !== question) return;
      this.#open.delete(watch);
      tell();
    };
    const question: Question = {
      askedAt: clock.monotonic(),
      askedOn: clock.now(),
      isOpen: true,
      answer: Promise.resolve()
        .then(call)
        .then(
          () => settle(() => watch.answered()),
          (error: unknown) => settle(() => watch.failed(error)),
        ),
    };
    this.#open.set(watch, question);
    return question;
  }
}
