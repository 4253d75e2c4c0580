/**
 * Three processes on one store, and somebody who does to them what a list of commands says. Every call carries a mark
 * of its own, so that afterwards each answer can be held against the log: what was said to have happened stands there
 * once, what was said not to have happened does not.
 */
import { expect } from 'vitest';
import { JobEndedError } from '../../src/errors.js';
import type { Continuation } from '../../src/stream/interfaces/continuation.js';
import type { GenerationJob } from '../../src/stream/interfaces/generation-job.js';
import type { QueuedStart } from '../../src/stream/interfaces/manager-types.js';
import { isActive } from '../../src/stream/model/transitions.js';
import { type Loss, lossyStore } from '../../src/testing/lossy-store.js';
import { lossyTransport } from '../../src/testing/lossy-transport.js';
import { delayedStore } from '../contract/delayed-store.js';
import { type Follower, startFollowing } from '../contract/follower.js';
import { type Backend, codeOf, Replica, TIMES } from '../contract/harness.js';
import { memoryBackend } from '../contract/memory.js';
import { pick, seededRandom } from '../contract/seeded.js';
import type { Command, Run } from './commands.js';
import { Truth } from './truth.js';

/** A process of the model, with what its connection is about to lose. */
interface Process {
  replica: Replica;
  losing: number;
  losesRequests: boolean;
  /** What becomes of its commits while a decision is made that is to stay unanswered. */
  commitLoss: Loss;
}

interface Handle {
  readonly job: GenerationJob;
  readonly replica: Replica;
  readonly accepted: string[];
  /** How many of `accepted` are known to be committed. */
  flushed: number;
}

interface Attached {
  readonly follower: Follower;
  readonly from: string | undefined;
  readonly replica: Replica;
  readonly followsStream: boolean;
  readonly existed: boolean;
  hasLeft: boolean;
}

/** What a caller was told about the event that carries its mark. */
interface Claim {
  readonly event: string;
  readonly mark: string;
  readonly told: Promise<'happened' | 'did not' | 'unknown'>;
  state: 'happened' | 'did not' | 'unknown';
}

const lost = () => new JobEndedError('gone');

const KEY = { tenantId: undefined, streamId: 's', id: '/s' } as const;

/** After these nobody can say what became of the call. */
const UNKNOWN = new Set(['unavailable', 'lease_lost', 'stream_not_found', 'closed']);

export class World {
  readonly truth = new Truth();
  readonly #run: Run;
  readonly #random: () => number;
  #backend!: Backend;
  readonly #processes: Process[] = [];
  readonly #all: Replica[] = [];
  readonly #handles: Handle[] = [];
  readonly #attached: Attached[] = [];
  readonly #claims: Claim[] = [];
  /** What callers were told of messages: that they were accepted, and that they were taken. */
  readonly #sent: { readonly generation: number; readonly messageId: string }[] = [];
  readonly #taken: { readonly generation: number; readonly messageId: string }[] = [];
  /** What callers were told of runs: that they wait, with the mark of each, and that they were taken away. */
  readonly #queued: { readonly queueId: string; readonly mark: string }[] = [];
  readonly #cancelled: string[] = [];
  #marks = 0;
  /** How many calls were told that they ended a generation nobody decided in time. */
  #expired = 0;

  constructor(run: Run) {
    this.#run = run;
    this.#random = seededRandom(run.seed);
  }

  async live(): Promise<void> {
    this.#backend = await memoryBackend((store) => this.truth.observing(store));
    for (let index = 0; index < 3; index++) this.#processes.push(await this.#process());
    for (const { command, rests } of this.#run.steps) {
      await this.#do(command);
      if (!rests) continue;
      await this.#backend.rest();
      this.truth.checkHistories();
    }
    await this.#finish();
    this.#check();
    await this.#checkMessages();
    await this.#checkQueue();
    await this.#close();
  }

  // --- commands

  async #do(command: Command): Promise<void> {
    switch (command.do) {
      case 'create':
        return this.#create(command);
      case 'enqueue':
        return this.#enqueue(command);
      case 'unqueue':
        return this.#unqueue(command.at, command.queued);
      case 'resume queue':
        return void this.#at(command.at)
          .replica.manager.queue.resume('s')
          .catch(() => {});
      case 'emit':
        return this.#withHandle(command.handle, (handle) => this.#emit(handle, command.count, command.flush));
      case 'update':
        return this.#withHandle(command.handle, ({ job }) => {
          void job.update({ metadata: { [this.#mark()]: 1 } }).catch(() => {});
          void job.addUsage({ tokens: 1 }).catch(() => {});
        });
      case 'send':
        return this.#send(command);
      case 'take':
        return this.#withHandle(command.handle, ({ job }) => {
          void job.inbox.take().then(
            (taken) => taken && this.#taken.push({ generation: job.generation, messageId: taken.messageId }),
            () => {},
          );
        });
      case 'edit':
      case 'cancel':
        return this.#edit(command);
      case 'pause':
        return this.#withHandle(command.handle, (handle) => {
          const mark = this.#mark();
          const pausing = handle.job.pause({ type: 't', actionId: mark, expiresInMs: command.expiresInMs });
          this.#claim('requires_action', mark, pausing, () => this.#allCommitted(handle));
        });
      case 'end':
        return this.#withHandle(command.handle, (handle) => {
          const mark = this.#mark();
          const { job } = handle;
          const { well, ifInboxEmpty } = command;
          const ending = well ? job.complete(mark, { ifInboxEmpty }) : job.fail({ code: 'x', message: mark });
          this.#claim(command.well ? 'completed' : 'failed', mark, ending, () => this.#allCommitted(handle));
        });
      case 'resolve':
        this.#resolve(command);
        // Until it gives up, and most of its lease is still to come.
        return command.loss === 'none' ? undefined : this.#backend.advance(TIMES.leaseMs / 2 + 20);
      case 'resolve old':
        return this.#resolveOld(command.at, command.action);
      case 'expire':
        return this.#expire(command.at);
      case 'abort': {
        const mark = this.#mark();
        const generation = command.named ? this.truth.generations.at(-1) : undefined;
        const { manager } = this.#at(command.at).replica;
        const input = { by: mark, generation, ...(command.clears && { queue: 'clear' as const }) };
        const aborting = manager.abortJob('s', input).then(({ aborted, unqueued }) => {
          this.#cancelled.push(...unqueued.map(({ queueId }) => queueId));
          // Of a stream that is gone nobody can say any more.
          if (!aborted) throw this.truth.deletions > 0 ? lost() : new Error('not aborted');
        });
        return this.#claim('aborted', mark, aborting);
      }
      case 'attach':
        return this.#attach(command);
      case 'detach': {
        const attached = this.#attached[command.follower % Math.max(1, this.#attached.length)];
        if (attached === undefined) return undefined;
        attached.hasLeft = true;
        return attached.follower.leave();
      }
      case 'lose': {
        const process = this.#at(command.at);
        process.losing = command.calls;
        process.losesRequests = command.requests;
        return undefined;
      }
      case 'crash': {
        const index = command.at % this.#processes.length;
        await this.#processes[index]?.replica.crash();
        this.#processes[index] = await this.#process();
        return undefined;
      }
      case 'sleep':
        return this.#at(command.at).replica.clock.sleep();
      case 'wake':
        return this.#at(command.at).replica.clock.wake();
      case 'delete':
        return void this.#at(command.at)
          .replica.manager.deleteStream('s')
          .catch(() => {});
      case 'advance':
        return this.#backend.advance(command.ms);
      default:
        return command satisfies never;
    }
  }

  #create(command: Command & { do: 'create' }): void {
    const mark = this.#mark();
    const { replica } = this.#at(command.at);
    const creating = replica.manager.createJob({
      streamId: 's',
      userId: 'u',
      created: mark,
      contentModel: 'text',
      onConflict: command.onConflict,
      // Most have no key; two keys are used again and again.
      idempotencyKey: command.key < 2 ? `k${command.key}` : undefined,
    });
    const started = creating.then((result) => {
      if (!result.started) throw new Error('joined');
      this.#hold(result.job, replica);
    });
    this.#claim('created', mark, started);
  }

  #enqueue({ at, key }: Command & { do: 'enqueue' }): void {
    const mark = this.#mark();
    const { replica } = this.#at(at);
    const creating = replica.manager.createJob({
      streamId: 's',
      userId: 'u',
      created: mark,
      contentModel: 'text',
      onConflict: 'enqueue',
      idempotencyKey: key < 2 ? `k${key}` : undefined,
    });
    void creating.then(
      (result) => {
        if (result.started) this.#hold(result.job, replica);
        else if (result.queued) this.#queued.push({ queueId: result.queued.queueId, mark });
      },
      () => {},
    );
  }

  #unqueue(at: number, index: number): void {
    const queueId = this.truth.queues.pick(index);
    if (queueId === undefined) return;
    const cancelling = this.#at(at).replica.manager.queue.cancel('s', { queueId });
    void cancelling.then(
      () => void this.#cancelled.push(queueId),
      () => {},
    );
  }

  #send({ at, key, preempts }: Command & { do: 'send' }): void {
    const { manager } = this.#at(at).replica;
    const sending = manager.inbox.send('s', {
      message: this.#mark(),
      kind: preempts ? 'preempt' : 'steer',
      // Most have no key; two keys are used again and again.
      idempotencyKey: key < 2 ? `k${key}` : undefined,
    });
    void sending.then(
      ({ generation, messageId }) => this.#sent.push({ generation, messageId }),
      () => {},
    );
  }

  #edit({ do: change, at, message }: Command & { do: 'edit' | 'cancel' }): void {
    const picked = this.truth.messages.pick(message);
    if (picked === undefined) return;
    const { inbox } = this.#at(at).replica.manager;
    const changing =
      change === 'edit' ? inbox.edit('s', { ...picked, message: this.#mark() }) : inbox.cancel('s', picked);
    void changing.catch(() => {});
  }

  #emit(handle: Handle, count: number, flush: boolean): void {
    const { job, accepted } = handle;
    for (let n = 0; n < count; n++) {
      const mark = `${this.#handles.indexOf(handle)}.${accepted.length},`;
      try {
        void job.emit({ event: 'text', data: { text: mark } });
      } catch (error) {
        expect(['job_ended', 'fenced', 'lease_lost']).toContain(codeOf(error));
        return;
      }
      accepted.push(mark);
    }
    const upTo = accepted.length;
    if (!flush) return;
    void job.flush().then(
      () => {
        handle.flushed = Math.max(handle.flushed, upTo);
      },
      () => {},
    );
  }

  #resolve({ at, again, loss }: Command & { do: 'resolve' }): void {
    const process = this.#at(at);
    const { replica } = process;
    const mark = this.#mark();
    const resolving = replica.manager.approvals.peek('s').then(async (action) => {
      if (action === null) throw new Error('nothing is pending');
      if (loss !== 'none') process.commitLoss = loss;
      await this.#decide(replica, action.actionId, mark, again, () => {
        process.commitLoss = 'none';
      });
    });
    this.#claim('resumed', mark, resolving);
  }

  #resolveOld(at: number, action: number): void {
    const actions = this.truth.all().filter(({ event }) => event.event === 'requires_action');
    const asked = actions[action % Math.max(1, actions.length)];
    if (asked === undefined) return;
    const mark = this.#mark();
    const { actionId } = JSON.parse(asked.event.data).action;
    this.#claim('resumed', mark, this.#decide(this.#at(at).replica, actionId, mark, 0));
  }

  /** Who was not answered says the same again; what the winner is given is what it said. */
  async #decide(
    replica: Replica,
    actionId: string,
    by: string,
    again: number,
    told: () => void = () => {},
  ): Promise<void> {
    const { approvals } = replica.manager;
    try {
      const deciding = approvals.resolve('s', { actionId, decisions: [], by });
      const { job, continuation } = await deciding.finally(told);
      expect(continuation).toMatchObject({ action: { actionId }, resolution: { actionId, by } });
      this.#hold(job, replica);
    } catch (error) {
      // Decided as said, and over already: there was nothing to go on with.
      if (error instanceof JobEndedError) return;
      if (codeOf(error) !== 'unavailable' || again === 0) throw error;
      await this.#decide(replica, actionId, by, again - 1);
    }
  }

  #expire(at: number): void {
    const expiring = this.#at(at).replica.manager.approvals.expire('s');
    void expiring.then(
      (isMine) => {
        if (isMine) this.#expired++;
      },
      () => {},
    );
  }

  #attach({ at, place, whole }: Command & { do: 'attach' }): void {
    const { replica } = this.#at(at);
    const events = this.truth.all();
    // A third from the beginning, a sixth from a sync, the rest from a place that exists.
    const known = place >= 50 ? events[(place * 7) % Math.max(1, events.length)] : undefined;
    const from = known && `${known.generation}-${known.event.sequence}`;
    const resume = place < 16;
    const last = events.at(-1);
    const subscription = replica.manager.subscribe('s', {
      resume,
      ...(from !== undefined && { after: from }),
      ...(whole && { follow: 'stream' as const }),
    });
    this.#attached.push({
      follower: startFollowing(subscription),
      from,
      replica,
      followsStream: whole,
      existed: last !== undefined,
      hasLeft: false,
    });
  }

  // --- the end, and what must be true then

  async #finish(): Promise<void> {
    for (const process of this.#processes) {
      process.losing = 0;
      process.commitLoss = 'none';
      process.replica.clock.wake();
    }
    // P5: by now every producer that died has been reported, or succeeded by another.
    await this.#backend.advance(2 * (TIMES.leaseMs + TIMES.sweepMs) + TIMES.createTimeoutMs);
    const last = this.truth.generations.at(-1);
    if (last !== undefined && this.truth.status(last) === 'running' && (await this.#record()) !== undefined) {
      const attempt = this.truth.log(last).at(-1)?.attempt;
      const holder = this.#handles.find(({ job }) => job.generation === last && job.attempt === attempt);
      expect(holder?.replica.isDead === false && !holder.job.isOver, 'somebody who lives produces it').toBe(
        true,
      );
    }
    await this.truth.queues.checkProgress(this.#backend.connect().jobStore, KEY);
    const { manager } = this.#at(0).replica;
    for (
      let record = await this.#record();
      record && isActive(record.status);
      record = await this.#record()
    ) {
      const aborting = manager.abortJob('s').catch(() => {});
      await this.#backend.advance(TIMES.retryMs);
      await aborting;
    }
    await this.#backend.advance(TIMES.logPollMs * 7);
    this.truth.checkHistories();
    await this.#checkOutcomes();
  }

  /** P7: what is recorded of actions is what the log tells. */
  async #checkOutcomes(): Promise<void> {
    const { jobStore } = this.#backend.connect();
    const kept = await jobStore.read(KEY, 'kept');
    for (const { generation, resolutions } of kept) {
      const recorded = resolutions.map(({ actionId, by }) => ({ actionId, by }));
      expect(recorded, `outcomes of ${generation}`).toEqual(this.truth.outcomes(generation));
    }
    const expired = this.truth.generations.flatMap((generation) =>
      this.truth.outcomes(generation).filter(({ by }) => by === undefined),
    );
    expect(this.#expired, 'each expiry is one caller’s').toBeLessThanOrEqual(expired.length);
  }

  #check(): void {
    for (const { job, replica, accepted, flushed } of this.#handles) {
      const name = `attempt ${job.generation}/${job.attempt}`;
      const written = this.truth
        .log(job.generation)
        .filter((event) => event.event === 'text' && event.attempt === job.attempt)
        .map((event) => JSON.parse(event.data).text);
      expect(written, `${name}: a clean prefix`).toEqual(accepted.slice(0, written.length));
      expect(written.length, `${name}: nothing acknowledged is lost`).toBeGreaterThanOrEqual(flushed);
      if (!replica.isDead) expect(job.isOver, `${name} has been told`).toBe(true);
    }
    for (const { event, mark, state } of this.#claims) {
      const count = this.truth.count(event, mark);
      if (state === 'happened') expect(count, `${event} ${mark} was said to have happened`).toBe(1);
      else if (state === 'did not') expect(count, `${event} ${mark} was said not to have happened`).toBe(0);
      else expect(count, `${event} ${mark}`).toBeLessThanOrEqual(1);
    }
    for (const attached of this.#attached) this.#checkFollower(attached);
  }

  /** Each message that was accepted took effect once, was cancelled, or is handed back. */
  async #checkMessages(): Promise<void> {
    const { jobStore } = this.#backend.connect();
    for (const { generation, messageId } of this.#sent)
      expect(this.truth.messages.accepted(generation), 'what was said to be accepted').toContain(messageId);
    for (const { generation, messageId } of this.#taken)
      expect(
        this.truth.count('message', messageId),
        `${messageId} of ${generation} was said to be taken`,
      ).toBeGreaterThan(0);
    for (const record of await jobStore.read(KEY, 'kept')) {
      const { generation } = record;
      if (!this.truth.isGone(generation))
        this.truth.messages.check(generation, this.truth.log(generation), record);
    }
  }

  /** Each run that was accepted has become one thing, and that is what callers were told. */
  async #checkQueue(): Promise<void> {
    const { queues } = this.truth;
    await queues.check(this.#backend.connect().jobStore, KEY);
    for (const { queueId, mark } of this.#queued) {
      expect(queues.accepted, 'what was said to wait').toContain(queueId);
      expect(this.truth.count('created', mark), `${queueId} begins once`).toBeLessThanOrEqual(1);
    }
    for (const queueId of this.#cancelled)
      expect(queues.hasLeft(queueId), `${queueId} was said to be taken away`).toBe(true);
  }

  #checkFollower({ follower, from, replica, followsStream, existed, hasLeft }: Attached): void {
    this.truth.checkFollower(follower.events, from, this.#run.trimLog);
    if (replica.isDead || hasLeft) return;
    const context = `follower from ${from}: ${follower.names.join(' ')} (${follower.subscription.closedBy})`;
    if (follower.error !== undefined) {
      expect(codeOf(follower.error), context).toBe('stream_not_found');
      expect(!existed || this.truth.deletions > 0, context).toBe(true);
      return;
    }
    const last = follower.events.at(-1);
    const isOver = (generation: number) =>
      this.truth.isGone(generation) || !isActive(this.truth.status(generation));
    if (!followsStream) {
      expect(follower.isOver, `${context}: it is told of the end`).toBe(true);
      const place = last?.cursor ?? from;
      if (last?.event === 'gone' || place === undefined) return;
      const [generation, sequence] = place.split('-').map(Number) as [number, number];
      expect(isOver(generation), context).toBe(true);
      expect(sequence, `${context}: to the end`).toBe(this.truth.log(generation).length);
    } else if (!follower.isOver && this.truth.deletions === 0) {
      const newest = this.truth.generations.at(-1) ?? 0;
      expect(last?.cursor ?? from, `${context}: to the end of the newest`).toBe(
        `${newest}-${this.truth.log(newest).length}`,
      );
    }
  }

  async #close(): Promise<void> {
    for (const { follower } of this.#attached) follower.leave();
    const closing = Promise.all(this.#all.filter((one) => !one.isDead).map((one) => one.manager.close()));
    let closed = false;
    void closing.then(() => {
      closed = true;
    });
    for (let waited = 0; !closed && waited < 100; waited++) await this.#backend.advance(100);
    expect(closed, 'all managers close').toBe(true);
    for (const { clock, transport } of this.#all) {
      expect({ timers: clock.pendingTimers, places: transport.places }).toEqual({ timers: 0, places: 0 });
    }
  }

  // --- parts

  async #process(): Promise<Process> {
    const { isStormy, trimLog, recovery, describes } = this.#run;
    const random = this.#random;
    const process: Process = { losing: 0, losesRequests: false, commitLoss: 'none' } as Process;
    const recover = (job: GenerationJob, { action, resolution }: Continuation) => {
      this.#hold(job, process.replica);
      const [last] = this.truth.outcomes(job.generation).slice(-1);
      expect([action?.actionId, resolution?.actionId], 'a successor goes on from the last decision').toEqual([
        last?.actionId,
        last?.actionId,
      ]);
      expect(resolution?.by).toBe(last?.by);
      return new Promise((resolve) => job.signal.addEventListener('abort', resolve));
    };
    const startQueued = (job: GenerationJob, { queueId, record }: QueuedStart) => {
      this.#hold(job, process.replica);
      expect([record.createId, record.fromQueue], 'what starts has waited').toEqual([queueId, true]);
      return new Promise((resolve) => job.signal.addEventListener('abort', resolve));
    };
    const arrivals = () => [[], [0], [0], [0, 3], [7], [0, 40]][pick(random, 6)] as number[];
    process.replica = new Replica(
      this.#backend,
      {
        options: {
          trimLog,
          snapshotEvents: 4,
          describeEndMs: 400,
          retentionMs: 3_600_000,
          idempotencyMs: 7_200_000,
          idleTimeoutMs: 3_600_000,
          maxRunMs: 7_200_000,
          limits: { liveBytes: 600, pageEvents: 5, batchEvents: 4 },
        },
        hooks: {
          startQueued,
          ...(recovery !== 'none' && { recover, recoverMode: recovery }),
          ...(describes && { describeEnd: (_, content) => content }),
        },
        wrapStore: (store) =>
          lossyStore(delayedStore(store, random, this.#backend.activity, 2), ({ method }) => {
            if (method === 'commit' && process.commitLoss !== 'none') return process.commitLoss;
            if (method === 'readLog' || process.losing-- <= 0) return 'none';
            return process.losesRequests ? 'request' : 'reply';
          }),
        ...(isStormy && {
          wrapTransport: (transport, clock) =>
            lossyTransport(transport, clock, {
              frame: arrivals,
              signal: () => random() < 0.3,
              gone: () => random() < 0.3,
            }),
        }),
      },
      undefined,
      pick(random, 2 ** 30),
    );
    this.#all.push(process.replica);
    await process.replica.manager.start();
    return process;
  }

  /** P3: one attempt is given to one holder. */
  #hold(job: GenerationJob, replica: Replica): void {
    const same = this.#handles.filter(
      (one) => one.job.generation === job.generation && one.job.attempt === job.attempt,
    );
    expect(same, `holders of ${job.generation}/${job.attempt}`).toEqual([]);
    this.#handles.push({ job, replica, accepted: [], flushed: 0 });
  }

  #claim(event: string, mark: string, call: Promise<unknown>, onHappened: () => void = () => {}): void {
    const claim: { -readonly [Key in keyof Claim]: Claim[Key] } = {
      event,
      mark,
      state: 'unknown',
      told: undefined as never,
    };
    claim.told = call.then(
      () => {
        claim.state = 'happened';
        onHappened();
        return claim.state;
      },
      (error: unknown) => {
        const isGone = error instanceof JobEndedError && error.reason === 'gone';
        claim.state = isGone || UNKNOWN.has(codeOf(error)) ? 'unknown' : 'did not';
        return claim.state;
      },
    );
    this.#claims.push(claim);
  }

  #allCommitted(handle: Handle): void {
    handle.flushed = handle.accepted.length;
  }

  #withHandle(index: number, use: (handle: Handle) => void): void {
    // The newest most often: the others are over, which is worth a try now and then.
    const living = this.#handles.filter(({ replica }) => !replica.isDead);
    const handle = index % 4 ? living.at(-1) : living[index % Math.max(1, living.length)];
    if (handle) use(handle);
  }

  #at(index: number): Process {
    return this.#processes[index % this.#processes.length] as Process;
  }

  #mark(): string {
    return `m${++this.#marks}`;
  }

  async #record() {
    const { jobStore } = this.#backend.connect();
    const [record] = await jobStore.read(KEY, 'current');
    return record;
  }
}
