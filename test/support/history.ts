/**
 * What happened, as producers and followers saw it, and whether the promises P1 to P5 allow it.
 *
 * Every host event of a history says who wrote it: its data is `{ text: "<generation>/<attempt>/<number> " }`, numbered from 1 in
 * each attempt. So what a follower got can be judged without looking into any log.
 */
import { parseCursor } from '../../src/stream/model/cursor.js';
import type { StreamEvent } from '../../src/stream/model/lifecycle-payloads.js';
import { isReservedEvent, isTerminalEvent } from '../../src/stream/model/transitions.js';

/** One attempt at one generation, as its producer knows it. What a killed producer could not tell is missing. */
export interface ProducerHistory {
  readonly streamId: string;
  readonly generation: number;
  readonly attempt: number;
  /** How many events it is known to have emitted; those beyond may have been emitted unless `isComplete`. */
  emitted: number;
  /** How many of them are known to be committed. */
  acknowledged: number;
  /** Whether it has told everything: it was not killed. */
  isComplete: boolean;
  /** The end it asked for. */
  asked?: 'completed' | 'failed' | undefined;
  /** Whether that end was acknowledged. */
  ended?: boolean | undefined;
}

/** Everything one reader got, over all its connections. */
export interface FollowerHistory {
  readonly name: string;
  readonly streamId: string;
  /** The cursor it began after; undefined for the beginning. */
  readonly after?: string | undefined;
  readonly received: StreamEvent[];
  /** Whether its last connection was ended by the library. */
  isOver: boolean;
  error?: string | undefined;
}

export interface History {
  readonly producers: readonly ProducerHistory[];
  readonly followers: readonly FollowerHistory[];
  /** Whether acknowledged events may have been lost: then, and only then, a `gap` is right. */
  readonly mayLose?: boolean | undefined;
  /** Whether every follower must have been told an end by now. */
  readonly isFinished?: boolean | undefined;
}

export interface Written {
  readonly generation: number;
  readonly attempt: number;
  readonly number: number;
}

export function dataOf({ generation, attempt, number }: Written): { text: string } {
  return { text: `${generation}/${attempt}/${number} ` };
}

function writtenBy(data: unknown): Written | undefined {
  const text = (data as { text?: unknown } | null)?.text;
  const match = typeof text === 'string' ? /^(\d+)\/(\d+)\/(\d+) $/.exec(text) : null;
  return match
    ? { generation: Number(match[1]), attempt: Number(match[2]), number: Number(match[3]) }
    : undefined;
}

/** What the history breaks, in words; empty when the promises hold. */
export function violations(history: History): string[] {
  const found: string[] = [];
  const seen = new Map<string, string>();
  for (const follower of history.followers) {
    for (const text of judgeFollower(history, follower, seen)) found.push(`${follower.name}: ${text}`);
  }
  return found;
}

interface Place {
  readonly generation: number;
  readonly sequence: number;
}

/** @param seen the event at each cursor as the followers before saw it: P1 is one order for all */
function judgeFollower(history: History, follower: FollowerHistory, seen: Map<string, string>): string[] {
  const found: string[] = [];
  const say = (text: string) => found.push(text);
  let place: Place | undefined = follower.after === undefined ? undefined : parseCursor(follower.after);
  let attempt = 0;
  let ended: string | undefined;
  let isGone = false;
  let isAfterGap = false;
  const lastNumbers = new Map<string, number>();
  const lastGap = follower.received.findLastIndex((event) => event.event === 'gap');

  for (const [index, event] of follower.received.entries()) {
    const at = parseCursor(event.cursor);
    const where = `${event.event} at ${event.cursor}`;
    if (isGone) say(`${where} after gone`);
    if (isAfterGap && event.event !== 'sync' && event.event !== 'gone') say(`${where} right after a gap`);
    isAfterGap = event.event === 'gap';
    if (event.event === 'gone') {
      isGone = true;
      continue;
    }
    if (event.event === 'gap') {
      if (!history.mayLose) say(`${where}, though nothing was lost`);
      ended = undefined;
      continue;
    }
    if (event.event === 'inbox') continue; // what waits, in no log
    if (event.event === 'sync') {
      if (place !== undefined && !history.mayLose && isBefore(at, place)) say(`${where} goes back`);
      place = at;
      attempt = 0;
      lastNumbers.clear();
      continue;
    }
    if (ended !== undefined && place?.generation === at.generation) {
      say(`${where} after the generation’s end (${ended})`);
    }
    if (!follows(place, at)) say(`${where} does not follow ${place ? textOf(place) : 'the beginning'}`);
    if (place?.generation !== at.generation) {
      if (place !== undefined && ended === undefined && place.sequence > 0) {
        say(`${where}, though generation ${place.generation} has not ended`);
      }
      attempt = 0;
      ended = undefined;
    }
    place = at;
    if (event.event === 'created') attempt = 1;
    if (event.event === 'recovered' || event.event === 'resumed')
      attempt = (event.data as { attempt: number }).attempt;
    if (index > lastGap) {
      const content = `${event.event} ${JSON.stringify(event.data)}`;
      const known = seen.get(`${follower.streamId} ${event.cursor}`);
      if (known !== undefined && known !== content) say(`${where} is ${content}, others saw ${known}`);
      seen.set(`${follower.streamId} ${event.cursor}`, content);
    }
    if (isTerminalEvent(event.event)) {
      ended = event.event;
      judgeEnd(history, follower, event, say);
      continue;
    }
    if (!isReservedEvent(event.event)) judgeHostEvent(history, follower, event, attempt, lastNumbers, say);
  }

  if (isAfterGap) say('a gap is the last it heard');
  const isTold = ended !== undefined || isGone || follower.error !== undefined;
  if (history.isFinished && !isTold) say('was never told an end (P5)');
  if (follower.isOver && !isTold) say('was let go without an end');
  return found;
}

function judgeHostEvent(
  history: History,
  follower: FollowerHistory,
  event: StreamEvent,
  attempt: number,
  lastNumbers: Map<string, number>,
  say: (text: string) => void,
): void {
  const { generation } = parseCursor(event.cursor);
  const where = `${event.event} at ${event.cursor}`;
  const written = writtenBy(event.data);
  if (written === undefined || written.generation !== generation) return say(`${where} is foreign`);
  const producer = history.producers.find(
    (one) =>
      one.streamId === follower.streamId && one.generation === generation && one.attempt === written.attempt,
  );
  if (producer === undefined) return say(`${where} is of an unknown attempt ${written.attempt}`);
  if (producer.isComplete && written.number > producer.emitted) say(`${where} was never emitted`);
  if (attempt !== 0 && written.attempt !== attempt) {
    say(`${where} is of attempt ${written.attempt} while attempt ${attempt} holds the generation`);
  }
  const name = `${generation}/${written.attempt}`;
  const last = lastNumbers.get(name);
  // After a cursor or a sync, any number may be the first.
  const expected = last === undefined ? (attempt === 0 ? written.number : 1) : last + 1;
  if (written.number !== expected) say(`${where} is number ${written.number} instead of ${expected}`);
  lastNumbers.set(name, written.number);
}

function judgeEnd(
  history: History,
  follower: FollowerHistory,
  end: StreamEvent,
  say: (text: string) => void,
): void {
  const { generation } = parseCursor(end.cursor);
  const attempts = history.producers.filter(
    (one) => one.streamId === follower.streamId && one.generation === generation,
  );
  if (end.event === 'completed' && !attempts.some((one) => one.asked === 'completed' || !one.isComplete)) {
    say(`completed at ${end.cursor}, though no producer asked for it`);
  }
  const won = attempts.find((one) => one.ended);
  if (won !== undefined && won.asked !== end.event && !history.mayLose) {
    say(`${end.event} at ${end.cursor}, though ${won.asked} was acknowledged`);
  }
  if (history.mayLose) return;
  // Whoever has the end has everything that was acknowledged before it, or what came before its own beginning.
  const got = new Map<number, number>();
  let isWhole = follower.after === undefined;
  for (const event of follower.received) {
    if (event.event === 'sync' || event.event === 'gap') isWhole = false;
    const written = writtenBy(event.data);
    if (written?.generation !== generation) continue;
    got.set(written.attempt, Math.max(got.get(written.attempt) ?? 0, written.number));
  }
  for (const { attempt, acknowledged } of attempts) {
    const last = got.get(attempt) ?? 0;
    const mustHave = isWhole || last > 0;
    if (mustHave && last < acknowledged) {
      say(`has ${last} of the ${acknowledged} acknowledged events of attempt ${generation}/${attempt}`);
    }
  }
}

function follows(place: Place | undefined, at: Place): boolean {
  if (place === undefined) return at.sequence === 1;
  if (at.generation === place.generation) return at.sequence === place.sequence + 1;
  return at.generation > place.generation && at.sequence === 1;
}

function isBefore(one: Place, other: Place): boolean {
  return (
    one.generation < other.generation ||
    (one.generation === other.generation && one.sequence < other.sequence)
  );
}

function textOf({ generation, sequence }: Place): string {
  return `${generation}-${sequence}`;
}
