/**
 * Follows what the gateway tells of the run, for as long as the client is open: from the place it knows, again after every break,
 * so that nothing is missed. What it tells is only to be quick: an attempt that is over is refused by the gateway anyway.
 */
import { type Clock, type Entropy, MINUTE, SECOND, sleep } from '../../clock.js';
import { formatCursor, parseCursor } from '../../stream/model/cursor.js';
import { isObject } from '../../stream/model/plain-values.js';
import { backOff, scattered } from '../../stream/process/back-off.js';
import { EventLines, type ServerEvent } from './event-lines.js';
import type { GatewayLink } from './gateway-link.js';

/** A stream that says nothing for so long is dead: a gateway sends a comment at least every quarter of it. */
const LONGEST_SILENCE_MS = MINUTE;
const PAUSES = { firstMs: 100, longestMs: 5 * SECOND };

export interface ControlOwner {
  /** An event of the run's life. */
  onEvent(event: string, data: Readonly<Record<string, unknown>>): void;
  /** The gateway seems to have nothing more to tell. Resolves with whether the run is over; never rejects. */
  onOver(): Promise<boolean>;
  /** Returns the sequence up to which the gateway is known to have the run. */
  reached(): number;
}

export class ControlFollower {
  readonly #link: GatewayLink;
  readonly #owner: ControlOwner;
  readonly #context: { readonly clock: Clock; readonly entropy: Entropy };
  readonly #closed = new AbortController();
  readonly #generation: number;
  #sequence: number;

  /** @param sequence the place it begins at */
  constructor(
    link: GatewayLink,
    owner: ControlOwner,
    context: { clock: Clock; entropy: Entropy },
    sequence: number,
  ) {
    this.#link = link;
    this.#owner = owner;
    this.#context = context;
    this.#generation = link.claims.generation;
    this.#sequence = sequence;
    void this.#run();
  }

  close(): void {
    this.#closed.abort();
  }

  async #run(): Promise<void> {
    const { clock, entropy } = this.#context;
    for (let failures = 0; !this.#closed.signal.aborted; ) {
      const outcome = await this.#follow().catch(() => 'failed' as const); // it comes back, as after any break
      if (outcome === 'over' && (this.#closed.signal.aborted || (await this.#owner.onOver()))) return;
      failures = outcome === 'broke' ? 1 : failures + 1;
      await sleep(clock, scattered(backOff(PAUSES, failures), entropy), this.#closed.signal);
    }
  }

  /** Reads one stream to its end. */
  async #follow(): Promise<'over' | 'broke' | 'failed'> {
    const { clock } = this.#context;
    const silent = new AbortController();
    const signal = AbortSignal.any([this.#closed.signal, silent.signal]);
    let timer = clock.setTimeout(() => silent.abort(), LONGEST_SILENCE_MS);
    try {
      this.#sequence = Math.max(this.#sequence, this.#owner.reached());
      const after = formatCursor(this.#generation, this.#sequence);
      const response = await this.#link.follow(`control?after=${after}`, signal);
      if (response.status !== 200 || response.body === null) {
        await response.body?.cancel();
        return [204, 403, 404, 409].includes(response.status) ? 'over' : 'failed';
      }
      const lines = new EventLines();
      const decoder = new TextDecoder();
      for await (const chunk of response.body) {
        clock.clearTimeout(timer);
        timer = clock.setTimeout(() => silent.abort(), LONGEST_SILENCE_MS);
        for (const event of lines.feed(decoder.decode(chunk, { stream: true }))) this.#tell(event);
      }
      return 'broke';
    } finally {
      clock.clearTimeout(timer);
      silent.abort();
    }
  }

  #tell({ id, event, data }: ServerEvent): void {
    if (this.#closed.signal.aborted) return;
    if (id !== undefined) this.#sequence = Math.max(this.#sequence, parseCursor(id).sequence);
    const said: unknown = JSON.parse(data);
    if (isObject(said)) this.#owner.onEvent(event, said);
  }
}
