/**
 * A mapper says what an agent's lines mean: one line becomes events of `messageContent`, a question, usage, or the end. It
 * is made anew for every run, because most agents tell what only their earlier lines explain.
 *
 * Whatever the agent, two things are seen to here: a status ("preparing") is closed as soon as real output comes and at the
 * end, and what is printed after the end changes nothing.
 */
import type { PauseInput } from '../../stream/interfaces/action-input.js';
import type { HostEvent } from '../../stream/model/host-types.js';
import { isObject } from '../../stream/model/plain-values.js';
import type { UsageInput, Verdict } from '../../stream/model/types.js';

/** A way to read what one kind of agent prints. `agentMappers` has those that come with the package. */
export interface AgentMapper {
  /** Names it in diagnoses. */
  readonly name: string;
  /** Says what a line is: JSON, of which `read` is given the value, or text. */
  readonly lines: 'json' | 'text';
  /** Says that the agent is told things on its standard input while it runs: decisions, further input. */
  readonly keepsStdin: boolean;
  /** Makes the reader of one run's lines. */
  start(): LineReader;
}

/** Reads the lines of one run, in order. */
export interface LineReader {
  /** Says what a line means: a JSON object, or the text of one where the mapper takes text. It never throws. */
  read(line: unknown): MappedLine;
  /** Says what the lines have come to, once there are no more. */
  close(): ClosedLines;
}

/** One line's meaning. A line that means nothing has none of these. */
export interface MappedLine {
  /** Events to emit, in order. */
  readonly events?: readonly HostEvent[];
  /** A question: the agent waits for its answer. */
  readonly question?: AgentQuestion;
  /** The id of a question that the agent has taken back. */
  readonly withdrawn?: string;
  /** A line to write to the agent at once, without asking anybody. */
  readonly reply?: string;
  /** Usage to add, by call. */
  readonly usage?: readonly UsageInput[];
  /** The agent's own name for its session, by which it can be told to go on later. */
  readonly session?: string;
  /** The agent has said that it is done; null when it goes on after all. */
  readonly end?: AgentEnd | null;
  /** The kind of line this is, when the mapper does not know what to make of it. */
  readonly unknown?: string;
}

export interface ClosedLines {
  /** Events to emit: they close what stood open. */
  readonly events: readonly HostEvent[];
  /** The end that the lines told; undefined when none of them did. */
  readonly end: AgentEnd | undefined;
}

/** The agent's own word for how its run has ended. */
export type AgentEnd =
  | {
      /** The agent has said that all is well. */
      readonly ok: true;
    }
  | {
      /** The agent has said that something went wrong. */
      readonly ok: false;
      /** The reason, for clients. */
      readonly code: 'agent_failed' | 'agent_out_of_turns' | 'agent_out_of_budget';
      /** The agent's own text, for the host alone: it may hold what clients must not see. */
      readonly detail?: string | undefined;
    };

/** A question of an agent, as a job can ask it. */
export interface AgentQuestion {
  /** The agent's own name for it. */
  readonly id: string;
  /** Holds what a person is shown. */
  readonly action: Pick<PauseInput, 'type' | 'requests' | 'questions'>;
  /** Makes the line that tells the agent what was decided. */
  answer(verdict: Verdict): string;
  /** Makes the line that tells the agent no, and why. */
  refusal(why: string): string;
}

/** A mapper's own part: what a line means, beside a status to show (null: none any more). */
export interface OwnMapping extends MappedLine {
  readonly status?: string | null;
}

/** A mapper's own reader, as `defineMapper` takes it. */
export interface OwnReader {
  read(line: Readonly<Record<string, unknown>>): OwnMapping;
  /** The end that stands when no line has told one: a failure that was told in passing, or an agent that has no last line. */
  endAtExit?(): AgentEnd | undefined;
}

interface OwnMapper {
  readonly name: string;
  readonly keepsStdin?: true;
  /** Lines after the end may begin another turn, and are read on. */
  readonly goesOn?: true;
  start(): OwnReader;
}

/** Makes a mapper of JSON lines from its own part. */
export function defineMapper({ name, keepsStdin, goesOn, start }: OwnMapper): AgentMapper {
  return {
    name,
    lines: 'json',
    keepsStdin: keepsStdin === true,
    start: () => new JsonLines(start(), goesOn === true),
  };
}

const OUTPUT: ReadonlySet<string> = new Set(['text', 'reasoning', 'tool', 'file']);

class JsonLines implements LineReader {
  readonly #own: OwnReader;
  readonly #goesOn: boolean;
  #end: AgentEnd | undefined;
  #statuses = 0;
  #status: string | undefined;

  constructor(own: OwnReader, goesOn: boolean) {
    this.#own = own;
    this.#goesOn = goesOn;
  }

  read(line: unknown): MappedLine {
    if (!isObject(line)) return { unknown: 'no object' };
    if (this.#end !== undefined && !this.#goesOn) return { unknown: 'after the end' };
    const { status, ...mapped } = this.#own.read(line);
    if (mapped.end !== undefined) this.#end = mapped.end ?? undefined;
    const { events = [] } = mapped;
    const isOver = mapped.end || status === null || events.some(({ event }) => OUTPUT.has(event));
    const told = [
      ...(isOver ? this.#closeStatus() : []),
      ...events,
      ...(typeof status === 'string' && !mapped.end ? this.#show(status) : []),
    ];
    return told.length === 0 ? mapped : { ...mapped, events: told };
  }

  close(): ClosedLines {
    return { events: this.#closeStatus(), end: this.#end ?? this.#own.endAtExit?.() };
  }

  #show(text: string): HostEvent[] {
    if (this.#status === text) return [];
    const closing = this.#closeStatus();
    this.#status = text;
    this.#statuses++;
    return [...closing, { event: 'status', data: { id: this.#statusId, text, state: 'active' } }];
  }

  #closeStatus(): HostEvent[] {
    if (this.#status === undefined) return [];
    this.#status = undefined;
    return [{ event: 'status', data: { id: this.#statusId, state: 'done' } }];
  }

  get #statusId(): string {
    return `status-${this.#statuses}`;
  }
}
