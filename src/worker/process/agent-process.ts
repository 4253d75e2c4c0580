/**
 * One agent's process, through all attempts of its generation.
 *
 * States
 * - `running`   an attempt takes steps from the queue: emits, counts, asks. The attempt's end by others leads to `stopping`,
 *               a question to `asking`, the process's exit to its judgement, which ends the attempt.
 * - `asking`    the job is paused and nobody emits; the intake reads ahead as far as the queue has room. A decision that comes
 *               with a handle leads to `running`; the generation's end, an expiry, or a decision whose handle does not come
 *               here, to a refusal and `stopping`. When the agent takes its question back, or dies, the action is refused in
 *               its name, and what comes of that is the next attempt.
 * - `stopping`  the process has been told to go, or is gone; steps are read and left.
 */
import { sleep, systemClock } from '../../clock.js';
import { GenerationJobError, isGenerationJobError } from '../../errors.js';
import type { Continuation } from '../../stream/interfaces/continuation.js';
import type { GenerationJob } from '../../stream/interfaces/generation-job.js';
import type { HostEvent } from '../../stream/model/host-types.js';
import { isObject } from '../../stream/model/plain-values.js';
import type { StreamKey, Verdict } from '../../stream/model/types.js';
import type { AgentQuestion, ClosedLines, MappedLine } from '../mappers/mapper.js';
import { BoundedQueue } from './bounded-queue.js';
import { AgentChild, type ChildExit } from './child.js';
import { LineCounts, type ProcessDiagnosis, Tail } from './diagnosis.js';
import { failureOf, lostAgent, type RunOutcome } from './failures.js';
import { emitFitting } from './fitting-events.js';
import { LineIntake, type RunStep } from './line-intake.js';
import { OpenQuestion } from './open-question.js';
import type { AgentProcessEnd, CheckedOptions } from './options.js';
import { Patience } from './patience.js';
import { type RunningAgent, removeAgent } from './registry.js';

/** Text that is read ahead of what is emitted. */
const QUEUE_WEIGHT = 1024 * 1024;
/** Questions that were taken back before they were asked. */
const MOST_WITHDRAWN = 256;
/** More than a pipe and a reader hold: what comes after so much was not written by the group that is gone. */
const MOST_PIPED = 2 * 1024 * 1024;
const LOOK_MS = 25;

export class AgentProcess implements RunningAgent {
  readonly key: StreamKey;
  readonly generation: number;
  readonly startedAt = systemClock.now();
  readonly #options: CheckedOptions;
  readonly #intake: LineIntake;
  readonly #child: AgentChild;
  readonly #queue = new BoundedQueue<RunStep>(QUEUE_WEIGHT);
  readonly #counts = new LineCounts();
  readonly #stderr = new Tail();
  readonly #patience: Patience;
  readonly #withdrawn = new Set<string>();
  /** The end of the attempt that runs, or of the last one. */
  attempt: Promise<AgentProcessEnd>;
  #asking: OpenQuestion | undefined;
  #exit: ChildExit | undefined;
  #leaving: Promise<void> | undefined;
  #refusing: Promise<void> | undefined;
  /** The number of the newest attempt whose handle was given. */
  #newest = 0;
  #readBytes = 0;
  #session: string | undefined;
  #hasAnswered = false;
  #isRead = false;
  #isStopping = false;
  #stoppedFor: RunOutcome['stoppedFor'];
  #wasAsking = false;

  constructor(job: GenerationJob, options: CheckedOptions) {
    this.key = job.key;
    this.generation = job.generation;
    this.#options = options;
    // First, since a mapper of the host's own may throw: nothing runs then.
    this.#intake = this.#makeIntake();
    this.#child = new AgentChild(options);
    this.#patience = new Patience({
      ...options,
      isExcused: () => this.#asking !== undefined || this.#isStopping || this.#queue.isFull,
      onOver: (why) => this.#end(why),
    });
    this.#child.stderr.on('data', (chunk: Buffer) => this.#stderr.push(chunk));
    this.#child.stderr.on('error', (error) => this.#counts.bad(`standard error broke: ${error.message}`));
    if (options.stdin !== undefined) this.#child.write(options.stdin);
    if (!options.keepsStdin) this.#child.endInput();
    void this.#child.exited.then((exit) => this.#onExit(exit));
    void this.#readAll();
    this.attempt = this.#run(job);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get state(): RunningAgent['state'] {
    if (this.#isStopping || this.#exit !== undefined) return 'stopping';
    return this.#asking === undefined ? 'running' : 'asking';
  }

  async resume(job: GenerationJob, { action, resolution }: Continuation): Promise<AgentProcessEnd> {
    if (job.attempt <= this.#newest) {
      const message = `The agent of stream ${job.streamId} was given attempt ${job.attempt} already.`;
      throw new GenerationJobError('agent_running', message);
    }
    this.#newest = job.attempt;
    const asked = this.#asking;
    const isMeant = asked !== undefined && (await asked.actionId) === action?.actionId;
    if (isMeant && !asked.isClosed && resolution !== undefined) return this.#goOn(job, asked, resolution);
    return job.run(() => {
      throw lostAgent(this.#diagnosis);
    });
  }

  async stop(): Promise<void> {
    const wasAsking = this.#asking?.isAsked;
    this.#isStopping = true;
    if (wasAsking) await this.#refuse('stopped');
    await this.#child.terminate();
    await this.attempt;
    await this.#leave();
  }

  kill(): void {
    this.#child.signalGroup('SIGKILL');
  }

  // --- attempts

  async #run(job: GenerationJob, begin?: () => void): Promise<AgentProcessEnd> {
    this.#newest = Math.max(this.#newest, job.attempt);
    const onOver = () => {
      if (job.reason !== 'paused' || this.#asking === undefined) void this.stop();
    };
    job.signal.addEventListener('abort', onOver, { once: true });
    const end = await job.run(() => {
      // Steps have one taker at a time, and an agent that is gone has given them all.
      if (this.#leaving !== undefined) throw lostAgent(this.#diagnosis);
      begin?.();
      return this.#takeSteps(job);
    });
    job.signal.removeEventListener('abort', onOver);
    // A handle that was over from the beginning has taken no steps.
    if (end.reason !== 'paused') await this.#leave();
    return { ...end, diagnosis: this.#diagnosis };
  }

  async #takeSteps(job: GenerationJob): Promise<null> {
    while (!this.#isRead) {
      const step = await this.#take();
      if (step.kind === 'over') return this.#finish(job, step.closed);
      // What nobody may emit any more is read all the same: a pipe that fills would keep the agent from going.
      if (job.isOver || this.#isStopping) continue;
      await this.#takeLine(job, step.mapped);
      if (job.reason === 'paused') return null;
    }
    return null;
  }

  async #takeLine(
    job: GenerationJob,
    { events = [], usage = [], session, question }: MappedLine,
  ): Promise<void> {
    for (const event of events) await this.#emit(job, event);
    if (session !== undefined && session !== this.#session) {
      this.#session = session;
      await told(job, () => job.update({ metadata: { agentSession: session } }));
    }
    for (const call of usage) await told(job, () => job.addUsage(call));
    if (question !== undefined && !job.isOver) await this.#ask(job, question);
  }

  async #emit(job: GenerationJob, event: HostEvent): Promise<void> {
    if (job.isOver) return;
    try {
      await emitFitting(job, event);
      this.#hasAnswered ||= isAnswer(event);
    } catch (error) {
      // Beyond a limit the job has begun to fail: its signal stops the agent.
      if (!job.isOver && !isGenerationJobError(error, 'limit_exceeded')) job.report('emit', error);
    }
  }

  async #finish(job: GenerationJob, closed: ClosedLines): Promise<null> {
    for (const event of closed.events) await this.#emit(job, event);
    const failure = failureOf({
      ...{ diagnosis: this.#diagnosis, spawnError: this.#exit?.spawnError, end: closed.end },
      ...{ hasAnswered: this.#hasAnswered, stoppedFor: this.#stoppedFor, wasAsking: this.#wasAsking },
    });
    if (failure !== undefined && !job.isOver) throw failure;
    return null;
  }

  // --- questions

  async #ask(job: GenerationJob, question: AgentQuestion): Promise<void> {
    if (this.#withdrawn.delete(question.id)) return;
    const { questions } = this.#options;
    if (questions === undefined || !this.#child.canHear) {
      this.#counts.unknown('question that nobody can be asked');
      return this.#tell(question.refusal('Nobody can be asked here.'));
    }
    const asking = new OpenQuestion(job, question, questions, {
      onRefuse: (why) => void this.#refuse(why),
      onTaken: (next) => void this.#goOn(next, asking, undefined),
    });
    this.#asking = asking;
    if ((await asking.actionId) !== undefined) return this.#look(asking);
    this.#asking = undefined;
    this.#tell(question.refusal('It could not be asked.'));
  }

  /** Sees whether the agent still waits for the answer: it may be gone, or have taken the question back. */
  #look(asking: OpenQuestion): void {
    if (this.#exit !== undefined) {
      this.#wasAsking = true;
      asking.takeBack('The agent is gone.');
    } else if (this.#withdrawn.delete(asking.question.id)) {
      asking.takeBack('The agent has taken its question back.');
    }
  }

  /** The generation is over while the agent waits: it hears no, and may go by itself before it is told to. */
  #refuse(why: string): Promise<void> {
    const asking = this.#asking;
    if (asking !== undefined && !asking.isClosed) {
      asking.close();
      this.#refusing = this.#sayNo(asking, why);
    }
    return this.#refusing ?? Promise.resolve();
  }

  async #sayNo(asking: OpenQuestion, why: string): Promise<void> {
    this.#isStopping = true;
    try {
      this.#tell(asking.question.refusal(`Nobody decides any more: ${why}.`));
    } catch (error) {
      // A mapper of the host's own: the agent goes without an answer.
      this.#counts.bad(String(error));
    }
    this.#child.endInput();
    await this.#child.terminateUnlessGone();
    await this.attempt;
    await this.#leave();
  }

  #goOn(job: GenerationJob, asked: OpenQuestion, verdict: Verdict | undefined): Promise<AgentProcessEnd> {
    asked.close();
    this.#asking = undefined;
    this.#patience.heard();
    const begin = () => {
      if (verdict !== undefined && !asked.isTakenBack) this.#tell(asked.question.answer(verdict));
    };
    // The attempt that paused has returned, or is about to: steps have one taker at a time.
    this.attempt = this.attempt.then(() => this.#run(job, begin));
    return this.attempt;
  }

  #tell(line: string): void {
    if (!this.#child.tell(line)) this.#counts.unknown('answers that were not read');
  }

  // --- the process

  #makeIntake(): LineIntake {
    const { mapper, lineBytes } = this.#options;
    return new LineIntake({
      ...{ mapper, lineBytes, queue: this.#queue, counts: this.#counts },
      onOutput: (bytes) => {
        this.#readBytes += bytes;
        this.#patience.heard();
      },
      onMapped: (mapped) => this.#onMapped(mapped),
    });
  }

  async #readAll(): Promise<void> {
    const isRead = new AbortController();
    void this.#watchPipes(isRead.signal);
    await this.#intake.readAll(this.#child.stdout);
    isRead.abort();
    await this.#child.gone;
    await this.#queue.put({ kind: 'over', closed: this.#intake.close() }, 0);
  }

  /** Gives up pipes that somebody outside the group holds, once everything that the group wrote is read. */
  async #watchPipes(isRead: AbortSignal): Promise<void> {
    await this.#child.gone;
    await sleep(systemClock, this.#options.graceMs, isRead);
    const from = this.#readBytes;
    while (!isRead.aborted) {
      const before = this.#readBytes;
      // What is in a pipe has come when the event loop has been round.
      await turnOfTheLoop();
      await turnOfTheLoop();
      const isStill = before === this.#readBytes && !this.#queue.isFull;
      if (isStill || this.#readBytes - from > MOST_PIPED) return this.#child.closePipes();
      await sleep(systemClock, LOOK_MS, isRead);
    }
  }

  async #take(): Promise<RunStep> {
    const step = await this.#queue.take();
    this.#isRead ||= step.kind === 'over';
    return step;
  }

  #onMapped({ reply, withdrawn, end }: MappedLine): void {
    if (reply !== undefined) this.#tell(reply);
    if (withdrawn !== undefined) this.#onWithdrawn(withdrawn);
    if (end === undefined) return;
    this.#patience.isDone(end !== null);
    if (end !== null) this.#child.endInput();
  }

  #onWithdrawn(id: string): void {
    this.#withdrawn.add(id);
    for (const oldest of this.#withdrawn) {
      if (this.#withdrawn.size <= MOST_WITHDRAWN) break;
      this.#withdrawn.delete(oldest);
    }
    if (this.#asking?.isAsked) this.#look(this.#asking);
  }

  #onExit(exit: ChildExit): void {
    this.#exit = exit;
    this.#patience.end();
    if (this.#asking?.isAsked && !this.#isStopping) this.#look(this.#asking);
  }

  #end(why: NonNullable<RunOutcome['stoppedFor']>): void {
    if (this.#exit !== undefined) return;
    this.#stoppedFor ??= why;
    void this.#child.terminate();
  }

  /** Sees the process off: nobody takes its steps any more, and another agent may have its place. */
  #leave(): Promise<void> {
    this.#leaving ??= (async () => {
      this.#isStopping = true;
      await this.#child.terminate();
      await this.#child.gone;
      while (!this.#isRead) await this.#take();
      removeAgent(this);
    })();
    return this.#leaving;
  }

  get #diagnosis(): ProcessDiagnosis {
    const { exitCode, signal } = this.#exit ?? {};
    const counted = { ...this.#counts.seen(), session: this.#session };
    return { pid: this.pid, exitCode, signal, stderr: this.#stderr.text, ...counted };
  }
}

function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => systemClock.defer(resolve));
}

/** Writes to the job's books; what they do not take costs the run nothing. */
async function told(job: GenerationJob, write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!job.isOver) job.report('agent', error);
  }
}

function isAnswer({ event, data }: HostEvent): boolean {
  if (event === 'status' || event === 'withdrawn') return false;
  const text = isObject(data) ? data.text : undefined;
  return typeof text !== 'string' || text.trim() !== '';
}
