/**
 * Sessions of coding agents as their lines would tell them, made up from a seed: each kind of line of each agent, with the
 * message that a reader of them should come to.
 */
import type { MessagePart } from '../../src/content/message-content.js';

export type Line = Readonly<Record<string, unknown>>;

export interface Session {
  readonly lines: Line[];
  /** The message, without names of texts and without statuses. */
  readonly parts: MessagePart[];
  /** What the session has used, summed up by counter. */
  readonly usage: Readonly<Record<string, number>>;
}

export type Chance = () => number;

/** Numbers in [0, 1) that a seed gives again (mulberry32). */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const WORDS = ['the', 'file', 'I', 'look\n', 'naïve', '\u2028', '"quoted"', '{', '🙂', 'end.', '\\', '日本'];

export type Told =
  | { readonly kind: 'text' | 'reasoning'; readonly text: string; readonly pieces: readonly string[] }
  | ToldCall;

export interface ToldCall {
  readonly kind: 'tool';
  readonly id: string;
  readonly name: string;
  readonly input: Readonly<Record<string, string>>;
  readonly output: string;
  readonly isError: boolean;
  /** A sub-agent that the call runs. */
  readonly inner: readonly Told[];
}

/** The steps of an agent, of which no two neighbours are texts of one kind. */
export class Script {
  readonly chance: Chance;
  #count = 0;

  constructor(chance: Chance) {
    this.chance = chance;
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[Math.floor(this.chance() * values.length)] as Value;
  }

  words(most: number): string {
    const count = 1 + Math.floor(this.chance() * most);
    return Array.from({ length: count }, () => `${this.pick(WORDS)} `).join('');
  }

  /** A round: perhaps a thought, a text, a call. */
  round({ reasons = true, nests = false } = {}): Told[] {
    const told: Told[] = [];
    if (reasons && this.chance() < 0.7) told.push(this.#text('reasoning'));
    told.push(this.#text('text'));
    told.push(this.#call(nests && this.chance() < 0.4 ? [this.#text('text'), this.#call([])] : []));
    return told;
  }

  last(): Told {
    return this.#text('text');
  }

  #text(kind: 'text' | 'reasoning'): Told {
    const text = this.words(12);
    const pieces: string[] = [];
    let piece = '';
    for (const character of text) {
      piece += character;
      if (this.chance() < 0.2) [piece] = ['', pieces.push(piece)];
    }
    return { kind, text, pieces: piece === '' ? pieces : [...pieces, piece] };
  }

  #call(inner: readonly Told[]): ToldCall {
    this.#count++;
    return {
      ...{ kind: 'tool', id: `call-${this.#count}`, name: this.pick(['Read', 'Bash', 'Grep']), inner },
      input: { path: this.words(3) },
      // An error that says nothing, were it only a line separator, is told as JSON of the whole: outputs begin with a word.
      output: `${this.pick(['the', 'naïve', '日本'])} ${this.words(20)}`,
      isError: this.chance() < 0.3,
    };
  }
}

export function partOf(told: Told): MessagePart {
  if (told.kind !== 'tool') return { type: told.kind, text: told.text };
  const { id, name, input, output, isError, inner } = told;
  return {
    ...{ type: 'tool', id, name, input, state: isError ? 'failed' : 'done' },
    ...(isError ? { error: output } : { output }),
    ...(inner.length > 0 && { parts: inner.map(partOf) }),
  };
}

/** The message as tests compare it: names of texts and statuses are the mapper's own. */
export function plainParts(parts: readonly MessagePart[]): MessagePart[] {
  return parts.flatMap((part): MessagePart[] => {
    if (part.type === 'status') return [];
    if (part.type !== 'tool') {
      const { id: _, ...rest } = part as MessagePart & { id?: string };
      return [rest as MessagePart];
    }
    return [{ ...part, ...(part.parts && { parts: plainParts(part.parts) }) }];
  });
}
