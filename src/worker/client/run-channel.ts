/**
 * One attempt's way to the gateway: its batches, in strict order, through a lane of the outbox or of memory. It knows what the
 * gateway has, what became of the attempt's own end, and why the attempt is over when the gateway says so.
 *
 * A lane counts batches, not events: a change of the record has no event, and stands in the same order.
 */
import { type Clock, type Entropy, sleep } from '../../clock.js';
import { type EndReason, GenerationJobError, isGenerationJobError } from '../../errors.js';
import type { ProducerCommit, RecordPatch } from '../../stream/interfaces/commits.js';
import { isObject } from '../../stream/model/plain-values.js';
import { backOff, scattered } from '../../stream/process/back-off.js';
import { mergedPatch } from '../../stream/producing/patches.js';
import { type Delivery, deliveryOf, type HttpAnswer } from '../outbox/delivery.js';
import type { Outbox, RunEnd, RunItem, RunLane, RunLaneInput } from '../outbox/outbox-types.js';
import type { GatewayLink } from './gateway-link.js';
import { MemoryLane } from './memory-lane.js';
import { asEndReason, endIn, errorIn } from './run-end.js';
import { coveredBy, requestOf, textOfCommit, type WireRequest } from './wire-batches.js';

/** The end of a lane whose run has lost events. */
const LOST = 'worker_events_lost';
/** The pauses before the gateway is told again that a run has lost events. */
const PAUSES = { firstMs: 200, longestMs: 5_000 };

export interface ChannelOwner {
  /** The gateway has accepted something: the lease begins anew from when it was sent. */
  onAccepted(sentAt: number): void;
  /** The attempt is over, as the gateway says. */
  onOver(reason: EndReason): void;
  /** Events of the attempt are lost: no one else can make good for them. */
  onLost(error: unknown): void;
}

export interface ChannelContext {
  readonly link: GatewayLink;
  readonly outbox: Outbox | undefined;
  readonly clock: Clock;
  readonly entropy: Entropy;
}

/** The outcome of an attempt's own end or pause. */
export type Closed = { readonly status: string } | { readonly over: EndReason };

export class RunChannel {
  readonly #context: ChannelContext;
  readonly #lane: RunLane & { room?(): Promise<void> };
  #owner: ChannelOwner | undefined;
  readonly #attempt: number;
  #ordinal: number;
  #reached = 0;
  #over: EndReason | undefined;
  /** Runs while the gateway is told that events are lost. Never rejects. */
  #telling: Promise<void> | undefined;
  #closing: ((closed: Closed) => void) | undefined;
  /** The changes that the gateway is not known to have, and the batch of the newest. */
  #untold: { readonly patch: RecordPatch; readonly ordinal: number } | undefined;

  constructor(context: ChannelContext) {
    this.#context = context;
    const { tenantId = '', streamId, generation, attempt } = context.link.claims;
    const name = `${tenantId}/${streamId}/${generation}/${attempt}`;
    this.#attempt = attempt;
    const input: RunLaneInput = {
      deliver: (items, signal) => this.#deliver(items, signal),
      onEnded: (end) => this.#onEnded(end),
    };
    this.#lane = context.outbox ? context.outbox.run(name, input) : new MemoryLane(name, input, context);
    this.#ordinal = this.#lane.next ?? 1;
  }

  /** Begins to tell of what becomes of it. */
  attach(owner: ChannelOwner, sequence: number): void {
    this.#owner = owner;
    this.#reached = Math.max(this.#reached, sequence);
  }

  /** The sequence up to which the gateway is known to have the run. */
  get reached(): number {
    return this.#reached;
  }

  /** The reason the attempt is over, once the gateway, or the lane, has said so. */
  get over(): EndReason | undefined {
    // The lane tells of its end a turn later than it knows it.
    const { ended } = this.#lane;
    return this.#over ?? (ended && reasonOfLane(ended));
  }

  /** Batches that wait. */
  get pending(): number {
    return this.#lane.pending;
  }

  /** Resolves when nothing waits any more. */
  idle(): Promise<void> {
    return this.#lane.idle();
  }

  /**
   * Takes a batch: when it resolves, it is kept.
   * @throws GenerationJobError `unavailable` when it may be tried again; `worker_events_lost`; what the lane throws after its end
   */
  async take(commit: ProducerCommit): Promise<void> {
    await this.#lane.room?.();
    const ordinal = this.#ordinal;
    try {
      this.#lane.append(ordinal, 1, textOfCommit(commit));
    } catch (cause) {
      if (isGenerationJobError(cause, 'outbox_failed'))
        throw new GenerationJobError('unavailable', 'The outbox could not be written.', { cause });
      if (isGenerationJobError(cause, 'outbox_full'))
        throw new GenerationJobError(LOST, 'There was no room for events of this worker.', { cause });
      throw cause;
    }
    this.#ordinal = ordinal + 1;
    if (commit.patch) this.#untold = { patch: mergedPatch(this.#untold?.patch, commit.patch), ordinal };
  }

  /** Resolves with what the gateway says of the attempt's own end, the last batch. */
  closed(): Promise<Closed> {
    return new Promise((resolve) => {
      const { over } = this;
      if (over) resolve({ over });
      else this.#closing = resolve;
    });
  }

  /** Hands out the changes that the gateway is not known to have: they go into the books of a stopped producer. */
  takeUntold(): RecordPatch | undefined {
    const patch = this.#untold?.patch;
    this.#untold = undefined;
    return patch;
  }

  /** Resolves when the gateway has been told that events are lost, or that needs no telling; bounded by the link alone. */
  async lossTold(): Promise<void> {
    if (this.#lane.ended?.reason === LOST) this.#telling ??= this.#endByName();
    await this.#telling;
  }

  /** Lets go of the lane; what waits in an outbox stays there for who opens it next. */
  close(): void {
    this.#lane.release();
  }

  async #deliver(items: readonly RunItem[], signal: AbortSignal): Promise<Delivery> {
    const { link, clock } = this.#context;
    const request = requestOf(items);
    const sentAt = clock.monotonic();
    // The token may have been renewed for an attempt that goes on after this one: its name keeps the two apart.
    const answer = await link.send('events', { ...request.batch, attempt: this.#attempt }, signal);
    if (answer.status === 200 && isObject(answer.body)) return this.#accepted(request, answer, sentAt);
    const { code, expected } = errorIn(answer);
    if (answer.status === 409 && code === 'gap') return afterGap(request, Number(expected));
    const over = endIn(answer);
    if (over) return { kind: 'over', reason: over };
    if (answer.status === 403 && link.claims.attempt !== this.#attempt)
      return { kind: 'over', reason: 'fenced' };
    // A token is renewed by the link: one that was refused all the same may be good later.
    if (answer.status === 403)
      return {
        kind: 'never',
        error: new GenerationJobError('token_of_another_run', 'The gateway refused it.'),
      };
    return deliveryOf(answer, clock.now());
  }

  #accepted({ items, batch }: WireRequest, { body }: HttpAnswer, sentAt: number): Delivery {
    const last = items.at(-1) ?? { ordinal: 0, lastSequence: 0 };
    this.#reached = Math.max(this.#reached, last.lastSequence);
    if (this.#untold && this.#untold.ordinal <= last.ordinal) this.#untold = undefined;
    this.#owner?.onAccepted(sentAt);
    const status = isObject(body) ? body.status : undefined;
    if ((batch.end || batch.pause) && typeof status === 'string') this.#close({ status });
    return { kind: 'done', upTo: last.ordinal };
  }

  #close(closed: Closed): void {
    this.#closing?.(closed);
    this.#closing = undefined;
  }

  #onEnded(end: RunEnd): void {
    const over = reasonOfLane(end);
    this.#over = over;
    if (end.reason === LOST) {
      this.#owner?.onLost(end.error);
      this.#telling ??= this.#endByName();
    } else this.#owner?.onOver(over);
    this.#close({ over });
  }

  /** Tells the gateway that events are lost, so that the run ends by that name; without an answer its lease ends it. */
  async #endByName(): Promise<void> {
    const { link, clock, entropy } = this.#context;
    const message = 'Events of the worker could not be delivered.';
    const end = {
      name: 'fail',
      callId: entropy.id(),
      error: { code: LOST, message, retryable: true },
    };
    let after = this.#reached;
    for (let failures = 1; !link.signal.aborted; failures++) {
      // Without an answer it is tried again.
      const batch = { after, events: [], end, attempt: this.#attempt };
      const answer = await link.send('events', batch).catch(() => undefined);
      const { code, expected } = answer ? errorIn(answer) : {};
      if (code === 'gap') after = Number(expected) - 1;
      else if (answer && answer.status < 500 && answer.status !== 429 && answer.status !== 401) return;
      await sleep(clock, scattered(backOff(PAUSES, failures), entropy), link.signal);
    }
  }
}

function reasonOfLane({ reason }: RunEnd): EndReason {
  return reason === LOST ? 'failed' : asEndReason(reason, 'fenced');
}

/** The gateway has everything before `expected`: what was given up to there is done. What it lacks and we don't have is lost. */
function afterGap(request: WireRequest, expected: number): Delivery {
  const done = coveredBy(request, expected - 1);
  if (done !== undefined) return { kind: 'done', upTo: done };
  const next = request.batch.after + 1;
  const message = `The gateway expects event ${expected}, and the next there is is ${next}.`;
  return { kind: 'never', error: new GenerationJobError(LOST, message) };
}
