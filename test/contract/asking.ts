/**
 * What the contracts of approvals ask and answer, and how they see that a refusal has changed nothing.
 */
import {
  ActionDecidedError,
  type ApprovalInput,
  type GenerationJob,
  type PauseInput,
  type Resolved,
  type ResolveInput,
} from 'generation-jobs';
import { Desk } from './desk.js';
import { codeOf, type Harness, type Replica, rejection } from './harness.js';
import { expect } from './tools.js';

/** One tool call that may be approved or rejected. */
export const ASK = {
  type: 'tool_approval',
  requests: [{ id: 'r', name: 'send_mail', arguments: { to: 'ann' } }],
  expiresInMs: 60_000,
} as const satisfies PauseInput;

export const YES = [{ id: 'r', decision: 'approve' }] as const satisfies readonly ApprovalInput[];
export const NO = [
  { id: 'r', decision: 'reject', reason: 'not now' },
] as const satisfies readonly ApprovalInput[];

export function resolveOn(
  replica: Replica,
  { job: _, ...input }: Partial<ResolveInput> & { readonly actionId: string; readonly job?: unknown },
  streamId = 's',
): Promise<Resolved> {
  return replica.manager.approvals.resolve(streamId, { decisions: YES, by: 'p', ...input });
}

/** A job that waits for a decision on `ASK`, or on what is given. */
export async function asked(
  h: Harness,
  replica: Replica,
  { streamId = 's', ...action }: Partial<PauseInput> & { readonly streamId?: string } = {},
): Promise<{ job: GenerationJob; actionId: string }> {
  const job = await h.soon(h.start(replica, { streamId }));
  const { actionId } = await h.soon(job.pause({ ...ASK, ...action }));
  return { job, actionId };
}

/** Everything the store keeps of a stream, and when somebody must next look at it. */
export async function keptOf(h: Harness, { key }: GenerationJob): Promise<unknown> {
  const due = (await h.store.due.list({ limit: 10_000, all: true })).entries;
  return { due: due.filter((one) => one.key.id === key.id), all: await new Desk(h).all(key) };
}

const WRITES = ['create', 'commit', 'saveSnapshot', 'due.nearer', 'slots.take', 'slots.give', 'delete'];

/** A call is refused with a code, and has written nothing: not to the stream, not to an index. */
export async function expectRefused(
  h: Harness,
  { replica, job }: { readonly replica: Replica; readonly job: GenerationJob },
  call: () => Promise<unknown>,
  code: string,
): Promise<unknown> {
  await h.rest();
  const before = await keptOf(h, job);
  const writes = () => WRITES.map((method) => `${method} ${replica.calls[method] ?? 0}`);
  const calls = writes();
  const error = await h.soon(rejection(call()));
  expect(codeOf(error), String(error)).toBe(code);
  expect(await keptOf(h, job), code).toEqual(before);
  expect(writes(), code).toEqual(calls);
  return error;
}

/** A call came too late, and its caller is told what was decided. */
export async function expectDecided(
  h: Harness,
  call: Promise<unknown>,
  outcome: object,
  code: 'action_decided' | 'action_stale' = 'action_decided',
): Promise<ActionDecidedError> {
  const error = await h.soon(rejection(call));
  expect(error).toBeInstanceOf(ActionDecidedError);
  expect(codeOf(error)).toBe(code);
  expect((error as ActionDecidedError).resolution).toMatchObject(outcome);
  return error as ActionDecidedError;
}
