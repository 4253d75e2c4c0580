/**
 * The model: for every generation a list of events and a state. It is told what the store took, call by call, and knows
 * which lists are legal; what callers and followers were told is held against it.
 */
import { expect } from 'vitest';
import type { CommitReply, CreateReply, SenderCommit } from '../../src/stream/interfaces/commits.js';
import type { JobStore } from '../../src/stream/interfaces/job-store.js';
import { parseCursor } from '../../src/stream/model/cursor.js';
import type { StreamEvent } from '../../src/stream/model/lifecycle-payloads.js';
import { isTerminalEvent, TRANSITIONS } from '../../src/stream/model/transitions.js';
import type { Frame, JobStatus, LogEvent } from '../../src/stream/model/types.js';
import { wrapStore } from '../../src/testing/wrapped-store.js';
import { MessageTruth } from './messages.js';
import { QueueTruth } from './queues.js';

export class Truth {
  readonly #logs = new Map<number, LogEvent[]>();
  readonly #gone = new Set<number>();
  readonly messages = new MessageTruth();
  readonly queues = new QueueTruth();
  deletions = 0;

  /** A store that tells this model what it takes. */
  observing(store: JobStore): JobStore {
    return wrapStore(store, async ({ method, args }, perform) => {
      const answer = await perform();
      this.queues.observe(method, args, answer);
      if (method === 'commit') this.messages.observe(args[0] as SenderCommit, answer as CommitReply);
      if (method === 'create')
        this.#take((answer as Partial<CreateReply & { frames: readonly Frame[] }>).frames);
      if (method === 'commit' && (answer as CommitReply).ok)
        this.#take((answer as CommitReply & { ok: true }).frames);
      if (method === 'delete' && answer === true) {
        this.deletions++;
        for (const generation of this.generations) this.#gone.add(generation);
      }
      return answer;
    });
  }

  get generations(): readonly number[] {
    return [...this.#logs.keys()];
  }

  /** Whether it was deleted, maybe before it had an end. */
  isGone(generation: number): boolean {
    return this.#gone.has(generation);
  }

  log(generation: number): readonly LogEvent[] {
    return this.#logs.get(generation) ?? [];
  }

  /** All events of all generations, in order. */
  all(): readonly { generation: number; event: LogEvent }[] {
    return this.generations.flatMap((generation) =>
      this.log(generation).map((event) => ({ generation, event })),
    );
  }

  /** How often a mark a caller gave stands in an event of this name. */
  count(name: string, mark: string): number {
    return this.all().filter(({ event }) => event.event === name && event.data.includes(`"${mark}"`)).length;
  }

  status(generation: number): JobStatus {
    let status: JobStatus = 'running';
    for (const event of this.log(generation)) status = statusAfter(status, event);
    return status;
  }

  /** How the actions of a generation ended, as the log tells it: who decided which, or that nobody did. */
  outcomes(generation: number): readonly { actionId: string; by: string | undefined }[] {
    const outcomes: { actionId: string; by: string | undefined }[] = [];
    let pending = '';
    for (const { event, data } of this.log(generation)) {
      const told = JSON.parse(data);
      if (event === 'requires_action') pending = told.action.actionId;
      if (event === 'resumed') outcomes.push({ actionId: told.actionId, by: told.by });
      if (event === 'aborted' && told.code === 'expired') outcomes.push({ actionId: pending, by: undefined });
    }
    return outcomes;
  }

  /** P7: what is decided is what was asked last, and each is asked and decided once. */
  #checkActions(generation: number): void {
    const asked = new Set<string>();
    let pending: string | undefined;
    for (const { event, data } of this.log(generation)) {
      const { action, actionId } = JSON.parse(data) as { action?: { actionId: string }; actionId?: string };
      if (event === 'requires_action') {
        pending = action?.actionId ?? '';
        expect(asked.has(pending), `${pending} is asked once`).toBe(false);
        asked.add(pending);
      } else if (event === 'resumed') {
        expect(actionId, `decided in ${generation}`).toBe(pending);
        pending = undefined;
      }
    }
  }

  /** P4: what the host says of an end it did not announce is what was committed before it. */
  #checkDescription(generation: number, end: LogEvent | undefined): void {
    if (end?.event !== 'aborted' && end?.event !== 'failed') return;
    const { final } = JSON.parse(end.data) as { final?: { text: string } | null };
    if (final)
      expect(final.text, `what ${generation} ends with`).toBe(this.text(generation, end.sequence - 1));
  }

  /** P1, P3, P4: numbered without gaps, one legal history, attempts that only grow, one end and nothing after it. */
  checkHistories(): void {
    let previous = 0;
    for (const generation of this.generations) {
      expect(generation, 'generations grow').toBeGreaterThan(previous);
      previous = generation;
      const log = this.log(generation);
      let status: JobStatus | undefined;
      let attempt = 1;
      for (const [index, event] of log.entries()) {
        expect(event.sequence, `sequences of ${generation}`).toBe(index + 1);
        if (status === undefined) expect(event.event).toBe('created');
        else if (event.event === 'text' || event.event === 'message')
          expect(status, 'a producer writes while it runs').toBe('running');
        status = status === undefined ? 'running' : statusAfter(status, event);
        if (event.event === 'resumed' || event.event === 'recovered') attempt++;
        expect(event.attempt, `attempt at ${generation}-${event.sequence}`).toBe(attempt);
      }
      this.#checkActions(generation);
      this.#checkDescription(generation, log.at(-1));
      const ends = log.filter((event) => isTerminalEvent(event.event)).length;
      expect(ends, `ends of ${generation}`).toBeLessThanOrEqual(1);
      const isLast = generation === this.generations.at(-1);
      if (!isLast && !this.isGone(generation)) expect(ends, 'only the last may be active').toBe(1);
    }
  }

  /** The text a client shows at a place. */
  text(generation: number, sequence: number): string {
    let text = '';
    for (const event of this.log(generation).slice(0, sequence)) {
      const data = JSON.parse(event.data);
      if (event.event === 'text') text += data.text;
      if (event.event === 'recovered' && data.restart) text = '';
    }
    return text;
  }

  /** P1, P5: what one follower got, from the place it asked for, is the list after that place. */
  checkFollower(events: readonly StreamEvent[], from: string | undefined, isTrimmed: boolean): void {
    let place = from === undefined ? undefined : parseCursor(from);
    for (const [index, event] of events.entries()) {
      expect(event.cursor, JSON.stringify(events)).toMatch(/^\d+-\d+$/);
      const cursor = parseCursor(event.cursor);
      const context = `follower from ${from}: ${events.map((one) => `${one.event}@${one.cursor}`).join(' ')}`;
      if (event.event === 'inbox') continue; // what waits, at the follower's place: see `MessageTruth`
      if (event.event === 'gap') {
        expect(this.deletions, `${context}: a gap needs a loss`).toBeGreaterThan(0);
        place = undefined;
        continue;
      }
      if (event.event === 'gone') {
        expect(this.deletions, context).toBeGreaterThan(0);
        expect(index, `${context}: gone is last`).toBe(events.length - 1);
        continue;
      }
      if (event.event === 'sync') {
        const { content } = event.data as { content: { text: string } | null };
        expect(content?.text, context).toBe(this.text(cursor.generation, cursor.sequence));
        expect(index === 0 || isTrimmed || this.deletions > 0, `${context}: sync`).toBe(true);
        place = cursor;
        continue;
      }
      const logged = this.log(cursor.generation)[cursor.sequence - 1];
      expect({ event: event.event, data: event.data }, context).toEqual({
        event: logged?.event,
        data: JSON.parse(logged?.data ?? 'null'),
      });
      if (place !== undefined && place.generation === cursor.generation) {
        expect(cursor.sequence, context).toBe(place.sequence + 1);
      } else if (place !== undefined) {
        expect(cursor.sequence, `${context}: a generation from its beginning`).toBe(1);
        expect(cursor.generation, context).toBeGreaterThan(place.generation);
        const known = this.log(place.generation).length;
        if (this.deletions === 0) expect(place.sequence, `${context}: the one before to its end`).toBe(known);
      }
      place = cursor;
    }
  }

  #take(frames: readonly Frame[] = []): void {
    for (const { generation, events } of frames) {
      const log = this.#logs.get(generation) ?? [];
      this.#logs.set(generation, log);
      log.push(...(events ?? []));
    }
  }
}

function statusAfter(status: JobStatus, { event }: LogEvent): JobStatus {
  const legal = Object.values(TRANSITIONS).filter((transition) => transition.event === event);
  if (legal.length === 0) return status;
  const taken = legal.find((transition) => (transition.from as readonly JobStatus[]).includes(status));
  expect(taken, `${event} while ${status}`).toBeDefined();
  return taken?.to ?? status;
}
