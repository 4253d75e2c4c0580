/**
 * A job that stops to ask, the decisions on it, and what of a stream a refused decision must not change.
 */
import type { GenerationJobManager, JobRecord, PauseInput, PublicAction } from 'generation-jobs';
import { expect } from 'vitest';
import { postJson, type Served, startJob } from './serving.js';

export const APPROVE = { id: 'call-1', decision: 'approve' } as const;
export const REJECT = { id: 'call-1', decision: 'reject', reason: 'not today' } as const;
const APPROVAL: PauseInput = {
  type: 'tool_approval',
  requests: [{ id: 'call-1', name: 'send_mail', arguments: { to: 'bob' } }],
};
/** The same, with more to choose from. */
export const CHOICES = {
  type: 'tool_approval',
  requests: [
    {
      ...{ id: 'call-1', name: 'send_mail', arguments: { to: 'bob' } },
      allowedDecisions: ['edit', 'respond', 'approve'],
    },
  ],
} satisfies PauseInput;

export interface Asked {
  readonly generation: number;
  readonly action: PublicAction;
  /** Of a POST that approves what is asked. */
  readonly approval: {
    readonly streamId: string;
    readonly actionId: string;
    readonly decisions: readonly object[];
  };
}

/** A job of `ann`'s, or of whoever is named, that waits for a person. */
export async function ask(
  { manager }: Pick<Served, 'manager'>,
  input: Partial<PauseInput> = {},
  { streamId = 'chat-1', ...owner }: { streamId?: string; userId?: string; tenantId?: string } = {},
): Promise<Asked> {
  const job = await startJob(manager, streamId, owner);
  const { actionId } = await job.pause({ ...APPROVAL, ...input });
  const action = await manager.approvals.peek(streamId, owner);
  if (action === null) throw new Error('nothing is asked');
  return { generation: job.generation, action, approval: { streamId, actionId, decisions: [APPROVE] } };
}

export function decide(
  served: Pick<Served, 'url'>,
  body: unknown,
  headers: Record<string, string> = {},
  query = '',
) {
  return postJson(`${served.url}/resume${query}`, body, headers);
}

/** All that is kept of a stream, its log included, but not what time changes. */
async function everythingOf(
  manager: GenerationJobManager,
  streamId = 'chat-1',
  access: { tenantId?: string } = {},
): Promise<{ record: JobRecord | null; events: readonly unknown[]; history: readonly unknown[] }> {
  const record = await manager.getJob(streamId, access);
  const events: unknown[] = [];
  if (record !== null) {
    const follower = manager.subscribe(streamId, access);
    for (let read = 0; read < record.lastSequence; read++) events.push((await follower.next()).value);
    follower.close();
  }
  return { record, events, history: await manager.approvals.history(streamId, access) };
}

/** What is refused has changed nothing (PROTOCOL 6.7). */
export async function expectUnchanged<Result>(
  manager: GenerationJobManager,
  act: () => Promise<Result>,
  streamId = 'chat-1',
): Promise<Result> {
  const before = await everythingOf(manager, streamId);
  const result = await act();
  expect(await everythingOf(manager, streamId)).toEqual(before);
  return result;
}
