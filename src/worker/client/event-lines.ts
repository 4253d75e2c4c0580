/**
 * Reads a stream of server-sent events (WHATWG HTML, section 9.2), as a gateway writes them: from text that may be cut anywhere.
 * An event that is too long is no event of a gateway's, and ends the reading.
 */
import { GenerationJobError } from '../../errors.js';

export interface ServerEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/** A decision is the longest of them, and bounded far below. */
const LONGEST = 8 * 1024 * 1024;

export class EventLines {
  #rest = '';
  #id: string | undefined;
  #event = 'message';
  #data: string[] = [];
  #size = 0;

  /** Takes text; returns the events that it completes. @throws GenerationJobError `invalid_event` for one that is too long */
  feed(text: string): ServerEvent[] {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    const events = lines.flatMap((line) => this.#take(line.endsWith('\r') ? line.slice(0, -1) : line) ?? []);
    if (this.#rest.length + this.#size > LONGEST)
      throw new GenerationJobError('invalid_event', 'An event of the gateway is too long.');
    return events;
  }

  #take(line: string): ServerEvent | undefined {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return undefined; // a comment
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (field === 'id') this.#id = value;
    else if (field === 'event') this.#event = value;
    else if (field === 'data') {
      this.#data.push(value);
      this.#size += value.length;
    }
    return undefined;
  }

  #dispatch(): ServerEvent | undefined {
    const made = { id: this.#id, event: this.#event, data: this.#data.join('\n') };
    const isEvent = this.#data.length > 0;
    this.#id = undefined;
    this.#event = 'message';
    this.#data = [];
    this.#size = 0;
    return isEvent ? made : undefined;
  }
}
