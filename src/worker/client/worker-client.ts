/**
 * The client of a worker: the handle of the attempt it was given, over the gateway's HTTP. The attempt's code does not know that it
 * is remote. One client has one run, from the attempt its token names to the last that follows a decision.
 */
import { HOUR, SECOND, sleep } from '../../clock.js';
import { type EndReason, GenerationJobError, JobEndedError } from '../../errors.js';
import type { Continuation } from '../../stream/interfaces/continuation.js';
import type { GenerationJob } from '../../stream/interfaces/generation-job.js';
import type { HostTypes, Untyped } from '../../stream/model/host-types.js';
import { isObject } from '../../stream/model/plain-values.js';
import { atMost } from '../../stream/process/at-most.js';
import { backOff, scattered } from '../../stream/process/back-off.js';
import { handOut, handOutMethods, NO_MANAGER } from '../../stream/process/handed-out.js';
import { remoteTranscripts } from '../../transcripts/http/remote.js';
import type { RunTranscripts } from '../../transcripts/transcript-store.js';
import { type Delivery, deliveryOf } from '../outbox/delivery.js';
import type { Report } from '../outbox/outbox-types.js';
import {
  type CloseOptions,
  checkClose,
  checkNextAttempt,
  type NextAttemptOptions,
  parseClientInput,
  type WorkerClientInput,
} from './client-options.js';
import { ControlFollower } from './control-follower.js';
import { ControlNews } from './control-news.js';
import { type Decision, DecisionWait } from './decision-wait.js';
import { GatewayLink } from './gateway-link.js';
import { RemoteRun } from './remote-run.js';
import { RunChannel } from './run-channel.js';
import { type RunDescription, runDescriptionOf } from './run-description.js';
import { endIn, errorIn } from './run-end.js';

const PAUSES = { firstMs: 100, longestMs: 2 * SECOND };

/** An attempt that goes on after a decision. */
export interface NextAttempt<Types extends HostTypes = Untyped> {
  /** The handle of the attempt. */
  readonly job: GenerationJob<Types>;
  /** Says what was decided, as followers were told. */
  readonly decision: Decision;
  /** Holds what it goes on from, as for a local job, but without the content and the action's `resumeContext`. */
  readonly continuation: Continuation;
}

type Settings = ReturnType<typeof parseClientInput>;

export class WorkerClient<Types extends HostTypes = Untyped> implements AsyncDisposable {
  static {
    handOutMethods(WorkerClient.prototype, ['nextAttempt', 'close'], () => NO_MANAGER);
  }

  /**
   * The run's transcripts through the gateway, for `hydrateTranscript`, `saveTranscript` and `clearTranscripts`, with a token that
   * is good: also after the end of the run and of this client, for as long as the gateway's `tokenGraceMs`.
   */
  readonly transcripts: RunTranscripts;
  readonly #settings: Settings;
  readonly #link: GatewayLink;
  #run: RemoteRun;
  #control: ControlFollower;
  #decision = new DecisionWait();
  #news = new ControlNews();
  #closing: Promise<void> | undefined;
  /** A worker's process lasts until its client is closed: none of the library's own timers keeps one alive. */
  readonly #alive = setInterval(() => {}, HOUR);

  private constructor(settings: Settings, link: GatewayLink, run: RemoteRun) {
    this.#settings = settings;
    this.#link = link;
    this.#run = run;
    this.#control = this.#followControl();
    const { url, fetch } = settings;
    this.transcripts = remoteTranscripts({
      url,
      fetch: fetch as typeof globalThis.fetch,
      token: (asked) => link.current(asked),
    });
  }

  /** @throws as `createWorkerClient` */
  static async open<Types extends HostTypes>(input: WorkerClientInput): Promise<WorkerClient<Types>> {
    const settings = parseClientInput(input);
    const link = await GatewayLink.open(settings);
    try {
      return new WorkerClient<Types>(settings, link, await startRun(settings, link));
    } catch (error) {
      link.close();
      throw error;
    }
  }

  /** The handle of the attempt that runs, or of the last one. */
  get job(): GenerationJob<Types> {
    return this.#run.job as unknown as GenerationJob<Types>;
  }

  /** The number of batches that the gateway does not have yet. */
  get pending(): number {
    return this.#run.channel.pending;
  }

  /**
   * Waits for the decision on the action that the job has paused for, and for the host to hand the attempt that goes on over to
   * this worker; gives its handle.
   * @throws JobEndedError when the generation ends instead: nobody decided in time, or somebody stopped it · GenerationJobError
   *   `invalid_argument` for a job that is not paused; `not_handed_over` when the host did not hand it over in time; `closed`; the
   *   reason of `signal`
   */
  async nextAttempt(options: NextAttemptOptions = {}): Promise<NextAttempt<Types>> {
    const { signal, handedOverMs } = checkNextAttempt(options);
    const { reason, attempt } = this.#run.job;
    if (reason !== 'paused')
      throw new GenerationJobError('invalid_argument', `job: is ${reason ?? 'running'}, not paused.`);
    const ended = AbortSignal.any([this.#link.signal, ...(signal ? [signal] : [])]);
    const decision = await this.#decision.after(attempt, ended);
    await this.#takeOver(attempt, handedOverMs, ended);
    this.#run.close();
    this.#run.channel.close();
    this.#control.close();
    this.#run = await startRun(this.#settings, this.#link);
    this.#decision = new DecisionWait();
    this.#news = new ControlNews();
    this.#control = this.#followControl();
    return { job: this.job, decision, continuation: this.#run.continuation };
  }

  /**
   * A stand-in for the manager, for `questions.manager` of `runAgentProcess`: a paused agent hears through it of the decision and of
   * the end of its run. A worker decides nothing: `resolve` rejects with `action_refused`.
   */
  readonly questions = {
    subscribe: (_streamId: string, options: { readonly signal?: AbortSignal | undefined } = {}) => {
      const signals = [this.#link.signal, ...(options.signal ? [options.signal] : [])];
      return this.#news.follow(this.#run.job.reason, AbortSignal.any(signals));
    },
    approvals: {
      resolve: async (): Promise<never> => {
        throw new GenerationJobError('action_refused', 'A worker does not decide what it has asked.');
      },
    },
  };

  /** Makes the `deliver` of a lane of reports that go to a route of the gateway, such as `hook-fatal`. */
  deliverTo(path: string): (report: Report, signal: AbortSignal) => Promise<Delivery> {
    return async ({ data, at, idempotencyKey }, signal) => {
      const body = isObject(data) ? { ...data, at, idempotencyKey } : { data, at, idempotencyKey };
      return deliveryOf(await this.#link.send(path, body, signal), this.#settings.clock.now());
    };
  }

  /**
   * Closes the client: what still runs ends as `interrupted`, and what waits is delivered, for as long as `graceMs`. What has not
   * gone by then stays in the outbox for the next process; without one it is lost. Never rejects.
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(checkClose(options).graceMs);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(graceMs: number): Promise<void> {
    const { clock } = this.#settings;
    const leave = async () => {
      await this.#run.interrupt();
      await this.#run.channel.idle();
      await this.#run.channel.lossTold();
    };
    await atMost(clock, graceMs, leave());
    this.#control.close();
    this.#run.close();
    this.#run.channel.close();
    this.#link.close();
    clearInterval(this.#alive);
  }

  /** Asks for the next attempt's token until the host has handed the attempt over. */
  async #takeOver(attempt: number, handedOverMs: number, signal: AbortSignal): Promise<void> {
    const { clock, entropy } = this.#settings;
    const until = clock.monotonic() + handedOverMs;
    for (let failures = 1; ; failures++) {
      const answer = await this.#link.renewed(signal).catch(() => undefined); // tried again, as is any try
      signal.throwIfAborted();
      if (answer?.status === 200 && this.#link.claims.attempt > attempt) return;
      const isWaiting = answer === undefined || errorIn(answer).code === 'not_handed_over';
      const over = answer && !isWaiting ? endIn(answer) : undefined;
      if (over) throw new JobEndedError(over);
      if (clock.monotonic() >= until)
        throw new GenerationJobError('not_handed_over', 'The next attempt was not handed over in time.');
      await sleep(clock, scattered(backOff(PAUSES, failures), entropy), signal);
      signal.throwIfAborted();
    }
  }

  #followControl(): ControlFollower {
    const run = this.#run;
    const { attempt } = run.job;
    return new ControlFollower(
      this.#link,
      {
        reached: () => run.channel.reached,
        onOver: () => this.#askWhy(run),
        onEvent: (event, data) => {
          this.#decision.take(event, data);
          this.#news.tell(event, data);
          const reason = reasonIn(event, data, attempt);
          if (reason) run.stop(reason);
        },
      },
      this.#settings,
      run.channel.reached,
    );
  }

  /** The run's life seems to be over at the gateway: a heartbeat says whether, and why. */
  async #askWhy(run: RemoteRun): Promise<boolean> {
    const answer = await this.#link.send('heartbeat', {}).catch(() => undefined); // asked again, after a pause
    const reason = answer && endIn(answer);
    if (reason === undefined) return false;
    run.stop(reason);
    if (reason === 'paused') return false; // its decision is still to be told
    this.#decision.end(reason);
    this.#news.end(reason);
    return true;
  }
}

/**
 * Makes the client of a worker that was given a run token. Its `job` is the handle of the attempt: the same interface, limits and
 * back-pressure as in the web process, and a batch is kept before it counts as committed. What an earlier process has left in the
 * outbox of this attempt is delivered first.
 *
 * @param input `url` of the gateway's routes, the `token` or a function that gives one, and an `outbox`, without which batches wait
 *   in memory and are lost with the process
 * @throws JobEndedError when the attempt is over · GenerationJobError `invalid_options`, `token_invalid`, `token_expired`;
 *   `unavailable` when the gateway does not answer in time
 * @example
 * const client = await createWorkerClient({ url, token });
 * await client.job.run((job) => job.pipe(answerTo(question), (delta) => ({ event: 'text', data: { delta } })));
 * await client.close();
 */
export function createWorkerClient<Types extends HostTypes = Untyped>(
  input: WorkerClientInput,
): Promise<WorkerClient<Types>> {
  return handOut(NO_MANAGER, 'createWorkerClient', () => WorkerClient.open<Types>(input));
}

/** Opens the attempt that the link's token names. */
async function startRun(settings: Settings, link: GatewayLink): Promise<RemoteRun> {
  const { clock, startMs, outbox } = settings;
  const channel = new RunChannel({ ...settings, link, outbox });
  try {
    // What is left from before comes first: the handle goes on from there.
    await atMost(clock, startMs, channel.idle());
    // A run that has lost events in an earlier process ends by that name.
    if (channel.over) await atMost(clock, startMs, channel.lossTold());
    if (channel.over) throw new JobEndedError(channel.over);
    if (channel.pending > 0)
      throw new GenerationJobError('unavailable', 'What an earlier process has left could not be delivered.');
    return new RemoteRun({ ...settings, link }, channel, await describe(settings, link));
  } catch (error) {
    channel.close();
    throw error;
  }
}

/** Asks the gateway for the run, until it answers. */
async function describe({ clock, entropy, startMs }: Settings, link: GatewayLink): Promise<RunDescription> {
  const until = clock.monotonic() + startMs;
  for (let failures = 1; ; failures++) {
    const found = await link.send('heartbeat', { describe: true }).catch((cause: unknown) => ({ cause }));
    if ('status' in found) {
      const over = endIn(found);
      if (over) throw new JobEndedError(over);
      if (found.status === 200) return runDescriptionOf(found.body);
      const { code } = errorIn(found);
      if (code === 'token_expired' || code === 'token_invalid')
        throw new GenerationJobError(code, 'The gateway refused the token.');
    }
    const pauseMs = scattered(backOff(PAUSES, failures), entropy);
    if (clock.monotonic() + pauseMs > until) {
      const cause = 'status' in found ? `It answered ${found.status}.` : found.cause;
      throw new GenerationJobError('unavailable', 'The gateway could not be reached.', { cause });
    }
    await sleep(clock, pauseMs);
  }
}

/** The reason an event of the run's life ends an attempt; undefined when it does not. */
function reasonIn(
  event: string,
  data: Readonly<Record<string, unknown>>,
  attempt: number,
): EndReason | undefined {
  switch (event) {
    case 'aborted':
      return data.code === 'replaced' || data.code === 'expired' ? data.code : 'aborted';
    case 'completed':
      return 'completed';
    case 'failed':
      return data.code === 'producer_lost' ? 'lease_lost' : 'failed';
    case 'recovered':
      return typeof data.attempt === 'number' && data.attempt > attempt ? 'fenced' : undefined;
    case 'gone':
      return 'gone';
    default:
      return undefined;
  }
}
