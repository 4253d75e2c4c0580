/** A manager in memory, and agents that do what a list of steps says. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createStreamServices, type GenerationJob, GenerationJobManager } from 'generation-jobs';
import { type MessageContent, messageContent } from 'generation-jobs/content';
import { type AgentProcessEnd, type AgentProcessOptions, runAgentProcess } from 'generation-jobs/worker';
import type { ErrorReport } from '../../../src/stream/model/error-report.js';

type ManagerOptions = ConstructorParameters<typeof GenerationJobManager>[0];

export const AGENT = fileURLToPath(new URL('../../support/agent-child.mjs', import.meta.url));

export type Step = readonly [name: string, ...values: unknown[]];

export class Stage implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'agents-'));
  readonly errors: ErrorReport[] = [];
  readonly manager: GenerationJobManager;
  #streams = 0;

  constructor(input: Partial<ManagerOptions> = {}) {
    this.manager = new GenerationJobManager({
      ...createStreamServices(),
      contentModels: [messageContent()],
      ...input,
      hooks: { ...input.hooks, onError: (report) => void this.errors.push(report) },
    });
  }

  async job(streamId = `s-${++this.#streams}`): Promise<GenerationJob> {
    const { job } = await this.manager.createJob({ streamId, userId: 'ada', contentModel: 'message' });
    if (job === undefined) throw new Error('The stream was taken.');
    return job;
  }

  run(
    job: GenerationJob,
    steps: readonly Step[],
    options: Partial<AgentProcessOptions> = {},
  ): Promise<AgentProcessEnd> {
    return runAgentProcess(job, {
      ...{ command: process.execPath, args: [AGENT, JSON.stringify(steps)], mapper: 'openclaw' },
      ...options,
    });
  }

  async content(job: GenerationJob): Promise<MessageContent> {
    const state = await this.manager.getResumeState(job.streamId, { generation: job.generation });
    return state?.content as MessageContent;
  }

  /** The job's error, as clients are told it. */
  async failure(job: GenerationJob): Promise<string | undefined> {
    return (await this.manager.getJob(job.streamId, { generation: job.generation }))?.error?.code;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.manager.close();
    rmSync(this.folder, { recursive: true });
  }
}

const agent = (stream: string, data: object): Step => ['say', { event: 'agent', stream, data }];

export const STEPS = {
  start: agent('lifecycle', { phase: 'start' }),
  end: agent('lifecycle', { phase: 'end' }),
  fail: agent('lifecycle', { phase: 'error', error: 'secret reason' }),
  text: (delta: string) => agent('assistant', { delta }),
  compacting: agent('compaction', { phase: 'start' }),
} as const;

/** Says whether a process runs. One that is dead stays listed until whoever has inherited it looks. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    const [, state] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
    return state?.startsWith('Z') === false;
  } catch {
    return false;
  }
}
