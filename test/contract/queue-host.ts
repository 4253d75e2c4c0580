/** What the contracts of queued runs share: a host that starts them, and writes down what it was given. */
import type {
  EnqueueJobInput,
  GenerationJob,
  Hooks,
  JobRecord,
  QueuedRun,
  QueuedStart,
} from 'generation-jobs';
import { text } from './follower.js';
import type { Harness, Replica } from './harness.js';

export interface Start {
  /** The payload of its `created` event. */
  readonly created: unknown;
  readonly queueId: string;
  readonly record: JobRecord;
  readonly attempt: number;
  /** The name of the replica. */
  readonly by: string;
}

/** Starts of all replicas of a contract, in order. */
export class Starts {
  readonly all: Start[] = [];
  readonly jobs: GenerationJob[] = [];

  /** Hooks of a replica that produces a run at once, or with `stays` until it is stopped. */
  hooks(by = '', { stays = false }: { stays?: boolean } = {}): Pick<Hooks, 'startQueued'> {
    return {
      startQueued: async (job, queued) => {
        this.tell(by, job, queued);
        if (stays) return untilStopped(job);
        void job.emit(text(`${queued.created}`));
      },
    };
  }

  tell(by: string, job: GenerationJob, { queueId, record, created }: QueuedStart): void {
    this.all.push({ created, queueId, record, attempt: job.attempt, by });
    this.jobs.push(job);
  }

  get created(): readonly unknown[] {
    return this.all.map(({ created }) => created);
  }
}

export function untilStopped(job: GenerationJob): Promise<void> {
  return new Promise((resolve) => job.signal.addEventListener('abort', () => resolve()));
}

export function enqueue(replica: Replica, input: Partial<EnqueueJobInput> = {}) {
  return replica.manager.createJob({ streamId: 's', userId: 'u', ...input, onConflict: 'enqueue' });
}

/** Queues a run. @throws when it does not wait */
export async function wait(replica: Replica, input: Partial<EnqueueJobInput> = {}): Promise<QueuedRun> {
  const { queued } = await enqueue(replica, input);
  if (queued === undefined) throw new Error('It does not wait.');
  return queued;
}

/** The payloads of the runs that wait, in their order. */
export async function waiting(replica: Replica, streamId = 's'): Promise<readonly unknown[]> {
  return (await replica.manager.queue.list(streamId)).waiting.map(({ created }) => created);
}

/** Waits until a kept generation of the stream has an end, and gives its record. */
export async function ended(h: Harness, replica: Replica, generation: number, streamId = 's') {
  const read = () => replica.manager.getJob(streamId, { generation });
  await h.until(async () => (await read())?.endedAt !== undefined, `the end of ${generation}`, 9_000);
  return (await read()) as JobRecord;
}
