/**
 * A process that makes this server's answers (`--worker`): it is given a run token and sees nothing of the server but the
 * gateway's HTTP. Whoever has spawned it notices its death at once, and says so: what it was making is taken over or ends by
 * name without waiting for a lease.
 *
 * There is one at a time. It is started with the server, and again by the first answer after it has died.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { GenerationJob, GenerationJobManager } from 'generation-jobs';
import { type IssuedRun, issueRunToken, type RunTokenKeys, workerLost } from 'generation-jobs/worker/gateway';
import type { Logger } from 'pino';
import { AGENT_LOST } from './commands.js';
import type { Work } from './making.js';

/** An answer to make, as the worker is told of it. */
export interface WorkOrder {
  readonly order: number;
  /** Of the gateway's routes. */
  readonly url: string;
  readonly token: string;
  readonly work: Work;
}

/**
 * What the worker says: that it is ready and what its outbox stands on; that it goes on with an order after a decision; that it is
 * done with one, or can't carry it out.
 */
export type WorkerReport =
  | { readonly ready: true; readonly outbox: string | null }
  | { readonly order: number; readonly attempt: number }
  | { readonly order: number; readonly isCarriedOut: boolean };

export interface WorkerSettings {
  readonly manager: GenerationJobManager;
  /** The name of this server among its like. */
  readonly replica: string;
  readonly keys: RunTokenKeys;
  /** How long the worker may be out of reach. */
  readonly leaseMs: number;
  /** Whether it goes on when this server dies: others have the gateway too, or the next one has. */
  readonly outlives: boolean;
  readonly logger: Logger;
}

type Run = Pick<IssuedRun, 'tenantId' | 'streamId' | 'generation' | 'attempt'>;

interface Running {
  readonly process: ChildProcess;
  /** What it is making, by order. */
  readonly runs: Map<number, Run>;
}

const SECOND = 1000;
/** Names it in tokens and records, the same at every replica. */
const AGENT_ID = 'example';
/** More than it takes at its slowest to end what it makes, and to deliver that. */
const STOP_MS = 7 * SECOND;
const LOOK_MS = 25;
const PROGRAM = new URL('../working/worker.js', import.meta.url);

export class Worker {
  /** The address of the gateway's routes; set as soon as somebody listens there. */
  gateway = '';
  readonly #settings: WorkerSettings;
  #running: Promise<Running> | undefined;
  #orders = 0;
  #isStopping = false;

  constructor(settings: WorkerSettings) {
    this.#settings = settings;
  }

  /** Resolves when it can be given work. @throws Error in words when it can't be started */
  async start(): Promise<void> {
    await this.#worker();
  }

  /** Hands a job over to it: the job is over here, and goes on there. @throws what fails the job by name */
  async hand(job: GenerationJob, work: Work): Promise<void> {
    const { process, runs } = await this.#worker().catch((error: unknown) => {
      this.#settings.logger.error({ err: error }, 'there is no worker');
      throw { code: 'no_worker', message: 'No worker could be started.', retryable: true };
    });
    const { keys, leaseMs: workerLeaseMs } = this.#settings;
    const run = await issueRunToken(job, { keys, agentId: AGENT_ID, workerLeaseMs });
    if (!process.connected) return this.#lose(run);
    const order = ++this.#orders;
    runs.set(order, run);
    process.send({ order, url: this.gateway, token: run.token, work } satisfies WorkOrder);
  }

  /** Hands the attempt after a decision to the worker that has asked and waits, whichever server has spawned it. */
  async giveBack(job: GenerationJob): Promise<void> {
    const { keys, leaseMs: workerLeaseMs } = this.#settings;
    await issueRunToken(job, { keys, agentId: AGENT_ID, workerLeaseMs, waiting: true });
  }

  /** Lets it go on for as long as `graceMs`; then what it makes ends as interrupted. It needs the gateway until then. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    const running = await this.#running?.catch(() => undefined);
    if (running === undefined) return;
    const { process, runs } = running;
    const isOver = () => process.exitCode !== null || process.signalCode !== null;
    const until = performance.now() + graceMs;
    while (runs.size > 0 && performance.now() < until && !isOver()) await pause(LOOK_MS);
    if (isOver()) return;
    const gone = once(process, 'exit');
    process.kill('SIGTERM');
    const late = setTimeout(() => process.kill('SIGKILL'), STOP_MS);
    await gone;
    clearTimeout(late);
  }

  #worker(): Promise<Running> {
    if (this.#isStopping) return Promise.reject(new Error('this server is stopping'));
    this.#running ??= this.#spawn();
    return this.#running;
  }

  #spawn(): Promise<Running> {
    const { outlives } = this.#settings;
    const folder = mkdtempSync(join(tmpdir(), 'chat-worker-'));
    const child = fork(PROGRAM, [folder, ...(outlives ? ['--outlives'] : [])], {
      // What it and its agents put aside is in its folder, and goes with it, however it ends.
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      // A group of its own: Ctrl-C in a terminal is for the server, which stops its worker itself.
      detached: true,
    });
    const runs = new Map<number, Run>();
    return new Promise((resolve, reject) => {
      child.on('message', (report: WorkerReport) => {
        if ('ready' in report) {
          this.#say(`process ${child.pid}, ${outboxWords(report.outbox)}`);
          return resolve({ process: child, runs });
        }
        const run = runs.get(report.order);
        if (run && 'attempt' in report) return runs.set(report.order, { ...run, attempt: report.attempt });
        runs.delete(report.order);
        if (run && 'isCarriedOut' in report && !report.isCarriedOut) void this.#lose(run);
      });
      const onGone = (how: unknown) => {
        this.#running = undefined;
        this.#remove(folder);
        reject(new Error(`the worker could not be started (${how})`));
        if (!this.#isStopping) this.#say(`it has ended (${how})`);
        for (const run of runs.values()) void this.#lose(run);
        runs.clear();
      };
      child.once('error', onGone);
      child.once('exit', (code, signal) => onGone(signal ?? code));
    });
  }

  /** At once, since this server may be about to end as well. */
  #remove(folder: string): void {
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      this.#settings.logger.warn({ err: error, folder }, 'the folder of a worker is left');
    }
  }

  /** Says that nobody makes a run any more. Where that can't be said, the lease says it later. */
  async #lose(run: Run): Promise<void> {
    try {
      if (!(await workerLost(this.#settings.manager, run))) await this.#failAsking(run);
    } catch (error) {
      this.#settings.logger.warn(
        { err: error, streamId: run.streamId },
        'a dead worker is left to its lease',
      );
    }
  }

  /** An agent that had asked has died with its worker: nobody could hear a decision any more. */
  async #failAsking({ streamId, tenantId, generation, attempt }: Run): Promise<void> {
    const { manager } = this.#settings;
    const record = await manager.getJob(streamId, { tenantId, generation });
    const { pendingAction: action, metadata } = record ?? {};
    if (!record || !action || record.attempt !== attempt || metadata?.command === undefined) return;
    const reason = 'the agent is gone';
    const { job } = await manager.approvals.resolve(streamId, {
      ...{ actionId: action.actionId, userId: record.userId, tenantId, by: 'agent' },
      decisions: action.requests.map(({ id }) => ({ id, decision: 'reject', reason })),
      answers: action.questions.map(({ id }) => ({ id, text: reason })),
    });
    await job.run(() => {
      throw AGENT_LOST;
    });
  }

  #say(words: string): void {
    console.error(`chat: worker of replica ${this.#settings.replica}: ${words}`);
  }
}

function outboxWords(outbox: string | null): string {
  return outbox === null
    ? 'without an outbox, since neither node:sqlite nor libsql is here'
    : `its outbox in ${outbox}`;
}
