/**
 * Calls that are made once in a generation, whoever produces it. What keeps them from a second time is a receipt in the store:
 * the intent is there before the call is made, and what it came to after it.
 *
 * A call of `once` is, in this order
 * - begun: its receipt is committed; again, when the process has stood still meanwhile. One that has finished, or a person's
 *   word on one that is unknown, is the answer instead. Where an earlier attempt has begun it and nobody knows more, it is
 *   *unknown*: a person is asked, or it throws
 * - made, unless the handle was stopped meanwhile
 * - finished, or failed: written as long as the generation is kept, also after a stop and by an attempt that was overtaken, since
 *   it is true all the same. What throws after a stop is left unknown: the stop may have cut it off in the middle
 * - unrecorded, when the store gave no answer in time: for this handle it has come to what it came to, for a later one it is unknown
 */
import { GenerationJobError, isGenerationJobError } from '../../errors.js';
import type { PauseInput } from '../interfaces/action-input.js';
import type { CommitReply } from '../interfaces/commits.js';
import type { OnceOptions, OnceOutcome } from '../interfaces/once.js';
import type { ReceiptCommit } from '../interfaces/receipt-commits.js';
import type { ErrorPlace } from '../model/error-report.js';
import {
  actionIdOf,
  decisionOn,
  OWN_FINGERPRINT,
  resumedActionOf,
  TOOL_UNKNOWN,
} from '../model/own-actions.js';
import type { StoredReceipt } from '../model/receipt.js';
import { isIdText } from '../model/stream-key.js';
import type { Decision, JobRecord, PendingAction, StreamKey } from '../model/types.js';
import { checkCall } from '../process/call-input.js';
import type { Parts } from '../process/parts.js';
import { repeatUntilAnswered } from '../process/repeat.js';
import { type MayBeOver, throwIfOver } from './end-under-way.js';
import { resultText } from './result-text.js';

type OnceParts = Pick<
  Parts,
  'background' | 'clock' | 'entropy' | 'logger' | 'observer' | 'options' | 'seals' | 'store'
>;

/** The handle whose calls these are. */
export interface OnceJob {
  readonly key: StreamKey;
  readonly generation: number;
  readonly attempt: number;
  readonly isOver: boolean;
  /** The end of the lease on this process's monotonic clock. */
  readonly leaseDeadline: number;
  readonly signal: AbortSignal;
  report(where: ErrorPlace, error: unknown): void;
}

export interface OnceOwner extends MayBeOver {
  /** A begin was refused, so the attempt is over; returns the error that says so. */
  refused(reply: CommitReply & { ok: false }): Error;
  /** Pauses for the library's own question. @throws as `pause` */
  ask(input: PauseInput, resumed: PendingAction | undefined): Promise<unknown>;
}

/** @throws GenerationJobError `invalid_argument` */
export function checkOnce(name: unknown, make: unknown, options: unknown): void {
  checkCall('once', options);
  if (!isIdText(name, LONGEST_NAME))
    throw new GenerationJobError('invalid_argument', 'key must have 1 to 256 well-formed characters.');
  if (typeof make !== 'function')
    throw new GenerationJobError('invalid_argument', 'call must be a function.');
}

/** The longest name: it is the id of a request when a person is asked. */
const LONGEST_NAME = 256;

type Make = (idempotencyKey: string) => unknown;
type Step = Pick<ReceiptCommit, 'step' | 'name' | 'callId' | 'over' | 'result'>;

/** A person may say that it is to be made again, or not, or what to go on with instead. */
const DECISIONS = ['approve', 'reject', 'respond'] as const;
/** A question is refused for these when what it shows is too large, or nests too deep. */
const TOO_LARGE = ['event_too_large', 'json_too_deep'] as const;

export class OnceCalls {
  readonly #parts: OnceParts;
  readonly #job: OnceJob;
  readonly #owner: OnceOwner;
  readonly #record: Pick<JobRecord, 'resolutions' | 'resumedAction'>;
  /** The calls under way by name, and those whose end is unrecorded. */
  readonly #calls = new Map<string, Promise<OnceOutcome>>();
  readonly #unrecorded = new Set<string>();
  /** The call ids of begins that got no answer: made again, a begin is the same one. */
  readonly #unanswered = new Map<string, string>();
  /** The calls that have failed here, which the store was not told: they may be made again. */
  readonly #failed = new Map<string, string>();

  constructor(
    parts: OnceParts,
    job: OnceJob,
    record: Pick<JobRecord, 'resolutions' | 'resumedAction'>,
    owner: OnceOwner,
  ) {
    this.#parts = parts;
    this.#job = job;
    this.#owner = owner;
    const { resolutions, resumedAction } = record;
    this.#record = { resolutions: resolutions.filter(({ type }) => type === TOOL_UNKNOWN), resumedAction };
  }

  /** Makes the call, or answers what it has come to before; two at the same time are one. @throws what `once` throws */
  once(name: string, make: Make, options: OnceOptions): Promise<OnceOutcome> {
    const known = this.#calls.get(name);
    if (known !== undefined) return known;
    const call = this.#once(name, make, options);
    this.#calls.set(name, call);
    const forget = () => {
      if (!this.#unrecorded.has(name)) this.#calls.delete(name);
    };
    call.then(forget, forget);
    return call;
  }

  async #once(name: string, make: Make, options: OnceOptions): Promise<OnceOutcome> {
    await throwIfOver(this.#owner);
    let begun = await this.#begin(name, options);
    if (typeof begun === 'string' && this.#mayBeOvertaken) {
      // Begun again under its id it is the same call, unless somebody has taken over, and has perhaps been told not to make it.
      this.#unanswered.set(name, begun);
      begun = await this.#begin(name, options);
    }
    return typeof begun === 'string' ? this.#make(name, begun, make) : begun;
  }

  /** True in a process that has stood still: by its own clock, others may produce by now. */
  get #mayBeOvertaken(): boolean {
    return this.#parts.clock.monotonic() >= this.#job.leaseDeadline;
  }

  // --- beginning

  /** Returns the id of the call that is to be made now, or the answer in place of it. */
  async #begin(name: string, options: OnceOptions): Promise<string | OnceOutcome> {
    const failed = this.#failed.get(name);
    // What a person has said of it goes before what the host says of any.
    const isDecided = this.#record.resolutions.some(({ decisions: [one] }) => one?.id === name);
    let over: ReceiptCommit['over'] = options.idempotent && !isDecided ? 'any' : undefined;
    if (failed !== undefined) over = { callId: failed };
    for (;;) {
      const { callId, receipt } = await this.#commitBegin(name, over);
      const isOwn = receipt.callId === callId;
      if (isOwn && receipt.state === 'begun') {
        this.#failed.delete(name);
        if (receipt.runs > 1) this.#parts.observer.onceCalled('repeated');
        return callId;
      }
      if (receipt.state === 'finished') return this.#finishedBefore(name, receipt);
      // An earlier begin of this handle was answered late, and has failed since: the next has an id of its own.
      if (isOwn) continue;
      const decision = decisionOn(this.#record.resolutions, receipt.callId);
      if (decision?.decision !== 'approve') return this.#unknown(receipt, decision, options);
      if (typeof over === 'object' && over.callId === receipt.callId)
        throw new GenerationJobError('internal', 'The store did not let an allowed call begin.');
      over = { callId: receipt.callId };
    }
  }

  async #commitBegin(
    name: string,
    over: ReceiptCommit['over'],
  ): Promise<{ callId: string; receipt: StoredReceipt }> {
    const callId = this.#unanswered.get(name) ?? this.#parts.entropy.id();
    this.#unanswered.set(name, callId);
    const reply = await this.#commit({ step: 'begin', name, callId, over });
    this.#unanswered.delete(name);
    if (reply.ok && reply.receipt) return { callId, receipt: reply.receipt };
    if (reply.ok) throw new GenerationJobError('internal', 'The store answered a begin without its receipt.');
    if (reply.refusal !== 'receipts') throw this.#owner.refused(reply);
    this.#parts.observer.onceCalled('refused');
    const { receipts } = this.#parts.options.limits;
    throw new GenerationJobError('receipts_limit', `The generation has ${receipts} receipts.`);
  }

  async #finishedBefore(name: string, { result }: StoredReceipt): Promise<OnceOutcome> {
    this.#parts.observer.onceCalled('known');
    if (result === undefined) return { outcome: 'not_kept' };
    const { key, generation } = this.#job;
    const place = { key, generation, name };
    return { outcome: 'finished', result: await this.#parts.seals.opener().result(result, place) };
  }

  // --- what nobody knows

  async #unknown(
    { name, attempt, begunAt, callId }: StoredReceipt,
    decision: Decision | undefined,
    options: OnceOptions,
  ): Promise<OnceOutcome> {
    if (decision !== undefined) {
      this.#parts.observer.onceCalled('decided');
      const { reason, text } = decision;
      return decision.decision === 'respond'
        ? { outcome: 'responded', text, ...(reason !== undefined && { reason }) }
        : { outcome: 'not_repeated', ...(reason !== undefined && { reason }) };
    }
    this.#parts.observer.onceCalled('unknown');
    const { key, generation, attempt: own } = this.#job;
    const { streamId, tenantId } = key;
    this.#parts.logger.warn(
      { streamId, tenantId, generation, attempt: own, begunBy: attempt },
      'a call was begun by an earlier attempt, and nobody knows whether it was made',
    );
    if (options.unknown === 'throw') {
      const message = `The call was begun by attempt ${attempt}, and nobody knows whether it was made.`;
      throw new GenerationJobError('receipt_unknown', message);
    }
    const { name: tool = name, arguments: args, description } = options;
    const asked = (shown: object): PauseInput => ({
      ...{ actionId: actionIdOf(callId), type: TOOL_UNKNOWN },
      requests: [{ id: name, name: tool, ...shown, allowedDecisions: DECISIONS }],
      ...{ payload: { attempt, begunAt }, fingerprint: OWN_FINGERPRINT },
    });
    const resumed = resumedActionOf(this.#record);
    await this.#owner.ask(asked({ arguments: args, description }), resumed).catch((error: unknown) => {
      if (!TOO_LARGE.some((code) => isGenerationJobError(error, code))) throw error;
      // A call that nobody can be asked about could never be gone on from.
      return this.#owner.ask(asked({}), resumed);
    });
    throw this.#job.signal.reason;
  }

  // --- making

  async #make(name: string, callId: string, make: Make): Promise<OnceOutcome> {
    const { key, generation } = this.#job;
    try {
      await throwIfOver(this.#owner);
    } catch (error) {
      // It was not made: whoever goes on need not ask.
      await this.#end({ step: 'fail', name, callId });
      throw error;
    }
    let result: unknown;
    try {
      result = await make(`${key.id}/${generation}/${name}`);
    } catch (error) {
      this.#parts.observer.onceCalled('failed');
      if (!this.#job.isOver && !(await this.#end({ step: 'fail', name, callId })))
        this.#failed.set(name, callId);
      throw error;
    }
    const kept = await this.#keptOf(name, result);
    if (kept === undefined) this.#parts.observer.onceCalled('not_kept');
    if (!(await this.#end({ step: 'finish', name, callId, result: kept }))) this.#unrecorded.add(name);
    this.#parts.observer.onceCalled('called');
    return { outcome: 'called', result };
  }

  /** The result as its receipt keeps it; undefined for one that is not kept. */
  async #keptOf(name: string, result: unknown): Promise<string | undefined> {
    const { seals, options } = this.#parts;
    const { key, generation } = this.#job;
    const text = resultText(result, options.limits);
    if (text === undefined) return undefined;
    try {
      const kept = await seals.result(text, { key, generation, name });
      return Buffer.byteLength(kept) > options.limits.receiptBytes ? undefined : kept;
    } catch (error) {
      // That the call was made is worth more than its result.
      this.#job.report('receipt', error);
      return undefined;
    }
  }

  /** Writes what a call has come to; says whether it stands. Never rejects. A manager that closes waits for it. */
  #end(step: Step): Promise<boolean> {
    const ended = this.#commit(step).then(
      (reply) => reply.ok,
      (error: unknown) => {
        this.#job.report('receipt', error);
        return false;
      },
    );
    this.#parts.background.run(ended);
    return ended.then((isRecorded) => {
      if (!isRecorded) this.#parts.observer.onceCalled('unrecorded');
      return isRecorded;
    });
  }

  #commit(step: Step): Promise<CommitReply> {
    const { clock, options, store } = this.#parts;
    const { key, generation, attempt } = this.#job;
    const most = options.limits.receipts;
    const commit: ReceiptCommit = { writer: 'receipts', key, generation, attempt, most, ...step };
    return repeatUntilAnswered(this.#parts, () => store.commit(commit), clock.monotonic() + options.leaseMs);
  }
}
