/** Batches as they go to the gateway: what a handle commits, as one JSON text, and several that follow on as one. */
import type { ProducerCommit, RecordPatch } from '../../stream/interfaces/commits.js';
import type { LogEvent } from '../../stream/model/types.js';
import { isEmptyPatch } from '../../stream/producing/patches.js';
import type { RunItem } from '../outbox/outbox-types.js';

/** The most events, and text, of one request. */
const MOST_EVENTS = 1024;

interface WireEvent {
  readonly event: string;
  readonly data: unknown;
  readonly keep?: string | undefined;
}

interface WireChange {
  readonly number: number;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly [field: string]: unknown;
}

export interface WireBatch {
  readonly after: number;
  readonly events: readonly WireEvent[];
  readonly change?: WireChange | undefined;
  readonly end?: object | undefined;
  readonly pause?: object | undefined;
}

/** A request, with the items it is made of. */
export interface WireRequest {
  readonly batch: WireBatch;
  readonly items: readonly { readonly ordinal: number; readonly lastSequence: number }[];
}

/** The text of a commit. Its data is JSON already, and goes into it as it is. */
export function textOfCommit({ afterSequence, events, patch, transition }: ProducerCommit): string {
  const closing = transition ? events.at(-1) : undefined;
  const own = closing ? events.slice(0, -1) : events;
  const parts = [`"after":${afterSequence}`, `"events":[${own.map(textOfEvent).join(',')}]`];
  const change = patch && changeOf(patch);
  if (change) parts.push(`"change":${JSON.stringify(change)}`);
  if (closing && transition?.name === 'pause') parts.push(`"pause":${JSON.stringify(pauseOf(transition))}`);
  else if (closing && transition) {
    const { name, callId, error } = transition;
    const { final } = JSON.parse(closing.data) as { final?: unknown };
    parts.push(`"end":${JSON.stringify({ name, callId, error, final })}`);
  }
  return `{${parts.join(',')}}`;
}

/** A patch as a worker sends it: its metadata as values. Undefined for one that changes nothing. */
export function changeOf(patch: RecordPatch): WireChange | undefined {
  if (isEmptyPatch(patch)) return undefined;
  const { metadata, ...rest } = patch;
  if (metadata === undefined) return rest;
  const values = Object.entries(metadata).map(([key, text]) => [key, JSON.parse(text)]);
  return { ...rest, metadata: Object.fromEntries(values) };
}

/** Makes one request of the items that follow on, as many as it may hold. */
export function requestOf(items: readonly RunItem[]): WireRequest {
  const [first, ...others] = items.map(({ first: ordinal, text }) => ({
    ordinal,
    batch: JSON.parse(text) as WireBatch,
  }));
  if (first === undefined) throw new TypeError('There is nothing to send.');
  let { batch } = first;
  const taken = [{ ordinal: first.ordinal, lastSequence: lastOf(batch) }];
  for (const { ordinal, batch: next } of others) {
    if (batch.end || batch.pause || batch.events.length + next.events.length > MOST_EVENTS) break;
    batch = joined(batch, next);
    taken.push({ ordinal, lastSequence: lastOf(batch) });
  }
  return { batch, items: taken };
}

/**
 * Returns the last item of a request that is done when the gateway has all events up to `sequence`; undefined when none is. A change
 * that stands there without an event may be missing still, and stays: its number tells a repeat.
 */
export function coveredBy({ batch, items }: WireRequest, sequence: number): number | undefined {
  let before = batch.after;
  let done: number | undefined;
  for (const { ordinal, lastSequence } of items) {
    if (lastSequence > sequence) break;
    if (lastSequence > before) done = ordinal;
    before = lastSequence;
  }
  return before === sequence ? done : undefined;
}

/** Returns the sequence of a batch's last event. */
function lastOf({ after, events, end, pause }: WireBatch): number {
  return after + events.length + (end || pause ? 1 : 0);
}

function joined(batch: WireBatch, next: WireBatch): WireBatch {
  const change = next.change ? joinedChange(batch.change, next.change) : batch.change;
  return { ...next, after: batch.after, events: [...batch.events, ...next.events], change };
}

function joinedChange(first: WireChange | undefined, second: WireChange): WireChange {
  const metadata = { ...first?.metadata, ...second.metadata };
  const hasMetadata = Object.keys(metadata).length > 0;
  return { ...first, ...second, ...(hasMetadata && { metadata }) };
}

function textOfEvent({ event, data, keep }: LogEvent): string {
  const kept = keep === undefined ? '' : `,"keep":${JSON.stringify(keep)}`;
  return `{"event":${JSON.stringify(event)},"data":${data}${kept}}`;
}

function pauseOf({ callId, action }: NonNullable<ProducerCommit['transition']>): object {
  const { payloadDigest: _, ...given } = action ?? { payloadDigest: '' };
  return { callId, action: given };
}
