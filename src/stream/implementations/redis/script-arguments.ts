/** The scripts that change a stream are given these arguments, in the order they read them. */
import type {
  AnnotationCommit,
  CreateRequest,
  OtherCommit,
  ProducerCommit,
  RecordPatch,
} from '../../interfaces/commits.js';
import type { ReadLogRequest } from '../../interfaces/log-pages.js';
import { transitionOf } from '../../model/transitions.js';
import { encodeLine, encodeLines, encodeNewRecord } from './codec.js';
import { encodeHandOver, HAND_OVER_FIELD } from './hand-overs.js';

export type ScriptArguments = readonly (string | number)[];

/** No generation gets as far: beyond it, numbers lose their last digits. */
const LARGEST_SEQUENCE = 2 ** 52;

export function createArguments(request: CreateRequest, expiryMarginMs: number): ScriptArguments {
  const { replaces, expects } = request;
  return [
    request.callId,
    request.notAfter,
    request.userId,
    request.idempotencyKey ?? '',
    encodeLine(request.created),
    replaces?.generation ?? '',
    replaces ? encodeLine(replaces.end) : '',
    replaces ? JSON.stringify(replaces.error) : '',
    flag(request.settles),
    request.leaseMs,
    expiryMarginMs,
    JSON.stringify(encodeNewRecord({ ...request, createId: request.callId })),
    replaces?.describedFrom?.sequence ?? '',
    replaces?.describedFrom?.attempt ?? '',
    expects === undefined ? '' : (expects?.generation ?? 0),
    replaces?.leaveMs ?? 0,
    request.start?.startId ?? '',
  ];
}

export function producerArguments(commit: ProducerCommit, expiryMarginMs: number): ScriptArguments {
  const { transition, patch } = commit;
  const action = transition?.action;
  const { expiresInMs = 0, ...kept } = action ?? {};
  return [
    commit.generation,
    commit.attempt,
    commit.afterSequence,
    commit.events.length,
    // The script completes a pause's event and action with the times only it knows.
    action ? openEnded(encodeLines(commit.events), '}}\n') : encodeLines(commit.events),
    ...patchArguments(patch),
    transition?.callId ?? '',
    transition ? transitionOf(transition.name).to : '',
    action ? openEnded(JSON.stringify(kept), '}') : '',
    action?.actionId ?? '',
    expiresInMs,
    transition?.error ? JSON.stringify(transition.error) : '',
    flag(transition?.settles ?? false),
    expiryMarginMs,
    transition?.noticeMs ?? '',
    flag(transition?.releasesKey ?? false),
    commit.takes?.join(' ') ?? '',
    flag(transition?.ifInboxEmpty ?? false),
  ];
}

export function annotationArguments(commit: AnnotationCommit): ScriptArguments {
  const { metadataBytes, notes, notesBytes } = commit.bounds;
  const told = commit.notes.flatMap(({ key, event, data }) => [key, event, data]);
  const patched = patchFields({ number: 0, metadata: commit.metadata });
  const { generation, callId } = commit;
  return [
    generation,
    callId,
    JSON.stringify(patched),
    JSON.stringify(told),
    metadataBytes,
    notes,
    notesBytes,
  ];
}

export function transitionArguments(commit: OtherCommit, expiryMarginMs: number): ScriptArguments {
  const { from, to, guard, nextAttempt } = transitionOf(commit.name);
  return [
    commit.generation,
    commit.name,
    commit.callId,
    encodeLine(commit.event),
    ` ${from.join(' ')} `,
    to,
    guard ?? '',
    flag(nextAttempt ?? false),
    commit.actionId ?? '',
    commit.attempt ?? '',
    commit.leaseMs ?? 0,
    commit.resolution ? `${JSON.stringify(commit.resolution).slice(0, -1)},"at":` : '',
    commit.error ? JSON.stringify(commit.error) : '',
    flag(commit.releaseKeyWhenEarly ?? false),
    flag(commit.settles),
    expiryMarginMs,
    commit.unmovedLeaseUntil ?? '',
    commit.describedFrom?.sequence ?? '',
    commit.describedFrom?.attempt ?? '',
    commit.replicaId ?? '',
    commit.leaveMs ?? 0,
    flag(commit.restarts ?? false),
  ];
}

export function logArguments(request: ReadLogRequest): ScriptArguments {
  const { generation, after, maxEvents, maxBytes, record = false } = request;
  const from = after === 'snapshot' ? after : Math.min(after, LARGEST_SEQUENCE);
  return [generation ?? '', from, maxEvents, maxBytes, flag(record)];
}

/** The number and the fields of a change, both of which may be none. */
export function patchArguments(patch: RecordPatch | undefined): [number | '', string] {
  return [patch?.number ?? '', JSON.stringify(patchFields(patch))];
}

function patchFields(patch: RecordPatch | undefined): string[] {
  const set: string[] = [];
  if (patch?.conversationId !== undefined) set.push('conversationId', patch.conversationId);
  if (patch?.usage !== undefined) set.push('usage', JSON.stringify(patch.usage));
  if (patch?.usageEntries !== undefined) set.push('usageEntries', JSON.stringify(patch.usageEntries));
  if (patch?.handOver !== undefined) set.push(HAND_OVER_FIELD, encodeHandOver(patch.handOver));
  for (const [key, text] of Object.entries(patch?.metadata ?? {})) set.push(`m:${key}`, text);
  return set;
}

/** `{…}` without its end, for more fields. */
function openEnded(json: string, end: string): string {
  return json.slice(0, -end.length);
}

export function flag(value: boolean): 0 | 1 {
  return value ? 1 : 0;
}
