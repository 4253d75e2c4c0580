/** One or more replicas in this process on one store in memory, with a follower that has seen everything. */
import {
  createStreamServices,
  type GenerationJob,
  GenerationJobManager,
  type Hooks,
  type ManagerInput,
  type Resolved,
  type ResolveInput,
  type StreamEvent,
  type StreamServices,
} from 'generation-jobs';
import { graphContent } from 'generation-jobs/content';
import { afterEach } from 'vitest';

const open: GenerationJobManager[] = [];

afterEach(async () => {
  for (const manager of open.splice(0)) await manager.close();
});

export function replica(
  hooks: Hooks = {},
  services: StreamServices = createStreamServices(),
  more: Partial<ManagerInput> = {},
): GenerationJobManager {
  const manager = new GenerationJobManager({ ...services, contentModels: [graphContent()], hooks, ...more });
  open.push(manager);
  return manager;
}

export async function startJob(
  manager: GenerationJobManager,
  streamId = 's',
  more: object = {},
): Promise<GenerationJob> {
  const made = await manager.createJob({ streamId, userId: 'ann', contentModel: 'graph', ...more });
  if (!made.started) throw new Error('not started');
  return made.job;
}

/** Every event of the stream's current generation, to its end or to where it stands. */
export async function eventsOf(manager: GenerationJobManager, streamId = 's'): Promise<StreamEvent[]> {
  const events: StreamEvent[] = [];
  const record = await manager.getJob(streamId);
  for await (const event of manager.subscribe(streamId)) {
    events.push(event);
    if (event.cursor === `${record?.generation}-${record?.lastSequence}`) break;
  }
  return events;
}

export async function namesOf(manager: GenerationJobManager, streamId = 's'): Promise<string[]> {
  return (await eventsOf(manager, streamId)).map(({ event }) => event);
}

/** The parts as the content model has folded them. */
export async function partsOf(manager: GenerationJobManager, streamId = 's'): Promise<object[]> {
  const state = await manager.getResumeState(streamId);
  if (state === null) throw new Error('there is no such stream');
  return (state.content as { parts: object[] }).parts;
}

/** Decides or answers what the stream waits for. */
export async function decide(
  manager: GenerationJobManager,
  said: Pick<ResolveInput, 'decisions' | 'answers'>,
  streamId = 's',
): Promise<Resolved> {
  const action = await manager.approvals.peek(streamId);
  return manager.approvals.resolve(streamId, { actionId: action?.actionId ?? '', by: 'ann', ...said });
}

/** How many checkpoints a saver in memory has of all threads. */
export function threadsIn(saver: unknown): string[] {
  return Object.keys((saver as { storage: object }).storage);
}

/** Waits for a condition, generously. */
export async function until(condition: () => unknown, what: string, withinMs = 60_000): Promise<void> {
  const startedAt = performance.now();
  while (!(await condition())) {
    if (performance.now() - startedAt > withinMs) throw new Error(`Not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
