/**
 * The token every contender sends, about 120 bytes of JSON, and the clock in it: microseconds since the machine
 * started, the same in every process.
 */
export interface Token {
  readonly type: 'text-delta';
  readonly id: string;
  readonly index: number;
  /** When it was made. */
  readonly at: number;
  readonly delta: string;
  readonly pad: string;
}

const PAD = 'p'.repeat(20);

export function makeToken(stream: number, index: number): Token {
  return {
    type: 'text-delta',
    id: `msg_${stream}`,
    index,
    at: micros(),
    delta: 'twenty characters ab',
    pad: PAD,
  };
}

export function micros(): number {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1e6 + Math.round(nanos / 1000);
}
