import type { DetachResult } from 'generation-jobs';
import { describe, expect, it } from 'vitest';
import { SessionTicker } from '../../src/http/session-ticker.js';
import { type SessionContext, SseSession } from '../../src/http/sse-session.js';
import type { SseSink } from '../../src/http/sse-sink.js';
import type { BatchReader } from '../../src/stream/interfaces/batch-reader.js';
import type { Batch } from '../../src/stream/model/types.js';

const KIB = 1024;

/** A sink that is full above `room` bytes, and drains when the test says so. */
class TestSink implements SseSink {
  closed = false;
  isChunked = false;
  bufferedBytes = 0;
  onDrain: (() => void) | undefined;
  onClose: (() => void) | undefined;
  readonly writes: string[] = [];
  ended = false;
  isWhole: boolean | undefined;
  destroyed = false;
  mostBuffered = 0;
  room = Number.POSITIVE_INFINITY;

  get text(): string {
    return this.writes.join('');
  }

  write(text: string): boolean {
    if (this.ended) throw new Error('written after the end');
    this.writes.push(text);
    this.bufferedBytes += Buffer.byteLength(text);
    this.mostBuffered = Math.max(this.mostBuffered, this.bufferedBytes);
    if (this.room === Number.POSITIVE_INFINITY) this.bufferedBytes = 0;
    return this.bufferedBytes < this.room;
  }

  drain(): void {
    this.bufferedBytes = 0;
    this.onDrain?.();
  }

  end(isWhole: boolean): void {
    this.ended = true;
    this.isWhole = isWhole;
  }

  destroy(): void {
    this.destroyed = true;
    this.closed = true;
    this.onClose?.();
  }
}

/** A subscription whose batches and end the test gives. */
class TestSubscription implements BatchReader {
  readonly ready = Promise.resolve();
  readonly isCaughtUp = true;
  readonly cursor = '7-0';
  onReadable: (() => void) | undefined;
  closedBy: DetachResult | undefined;
  reads = 0;
  failure: unknown;
  readonly #batches: Batch[] = [];
  #sequence = 0;

  give(data: string, event = 'text'): void {
    this.#batches.push({
      generation: 7,
      events: [{ sequence: ++this.#sequence, event, data: JSON.stringify(data), attempt: 1 }],
    });
    this.onReadable?.();
  }

  read(): Batch | null {
    this.reads++;
    if (this.failure !== undefined) throw this.failure;
    return this.#batches.shift() ?? null;
  }

  detach(reason: DetachResult): void {
    if (this.closedBy !== undefined) return;
    this.closedBy = reason;
    if (reason !== 'ended') this.#batches.length = 0;
    this.onReadable?.();
  }
}

function setUp(options: Partial<SessionContext> & { mayRead?: () => Promise<boolean> } = {}) {
  const timers = new Set<() => void>();
  const clock = {
    now: () => 0,
    monotonic: () => 0,
    setTimeout: (callback: () => void) => {
      timers.add(callback);
      return callback;
    },
    clearTimeout: (timer: unknown) => void timers.delete(timer as () => void),
    defer: (callback: () => void) => callback(),
  };
  const tick = (times = 1) => {
    for (let i = 0; i < times; i++) {
      const due = [...timers];
      timers.clear();
      for (const callback of due) callback();
    }
  };
  const errors: unknown[] = [];
  const sink = new TestSink();
  const subscription = new TestSubscription();
  const { mayRead = async () => true, ...overrides } = options;
  const context: SessionContext = {
    ticker: new SessionTicker(clock, 1000),
    heartbeatTicks: 4,
    recheckTicks: 1000,
    stallTicks: 8,
    readerBytes: 256 * KIB,
    retryMs: 2000,
    random: () => 0.5,
    onError: (error) => errors.push(error),
    ...overrides,
  };
  const session = new SseSession(subscription, sink, context, mayRead);
  return { session, sink, subscription, tick, timers, errors };
}

describe('an SSE session', () => {
  it('says first when to reconnect, with jitter', () => {
    const retries = [0, 0.25, 0.999].map((chance) => {
      const { session, sink } = setUp({ random: () => chance });
      session.start();
      return sink.text;
    });
    expect(retries).toEqual(['retry: 1000\n\n', 'retry: 1500\n\n', 'retry: 2998\n\n']);
  });

  it('stops reading when the sink is full, and goes on where it stopped when it drains', () => {
    const { session, sink, subscription } = setUp();
    session.start();
    sink.room = 10;
    subscription.give('first');
    const { reads } = subscription;
    subscription.give('second');
    subscription.give('third');
    expect([subscription.reads, sink.text.includes('second')]).toEqual([reads, false]);
    sink.room = 10 * KIB;
    sink.drain();
    expect(sink.text).toContain('"second"');
    expect(sink.text).toContain('"third"');
  });

  it('never holds more than the sink’s mark and a slice for a reader that does not read (A10)', () => {
    const { session, sink, subscription } = setUp();
    sink.room = 64 * KIB;
    session.start();
    subscription.give('\u20ac'.repeat(400 * KIB)); // three bytes each
    expect(sink.mostBuffered).toBeLessThan(sink.room + 3 * 16 * KIB + 1);
    while (!sink.text.endsWith('\n\n') || sink.bufferedBytes > 0) sink.drain();
    expect(sink.text.endsWith(`data: "${'\u20ac'.repeat(400 * KIB)}"\n\n`)).toBe(true);
  });

  it('does not cut a character in two between slices (A6)', () => {
    for (const shift of [0, 1]) {
      const { session, sink, subscription } = setUp();
      session.start();
      subscription.give('x'.repeat(shift) + '\u{1f600}'.repeat(40 * KIB));
      const throughBytes = sink.writes.map((part) => Buffer.from(part).toString()).join('');
      expect(throughBytes).toBe(sink.text);
      expect(sink.writes.length).toBeGreaterThan(4);
    }
  });

  it('sends a comment when nothing else was for a heartbeat, and none while the sink is full', () => {
    const { session, sink, subscription, tick } = setUp();
    session.start();
    tick(3);
    subscription.give('x');
    tick(3);
    expect(sink.text).not.toContain(': heartbeat');
    tick();
    expect(sink.text.match(/: heartbeat\n\n/g)).toHaveLength(1);
    tick(4);
    expect(sink.text.match(/: heartbeat\n\n/g)).toHaveLength(2);
    sink.room = 1;
    subscription.give('y');
    const before = sink.text;
    tick(5);
    expect(sink.text).toBe(before);
  });

  it('detaches a reader that takes nothing for the stall time, tells it to come back, and cuts it off (A10)', () => {
    const { session, sink, subscription, tick } = setUp();
    session.start();
    sink.room = 1;
    subscription.give('x');
    tick(8);
    expect(subscription.closedBy).toBeUndefined();
    tick();
    expect(subscription.closedBy).toBe('detached');
    expect(sink.ended).toBe(true);
    expect(sink.text.match(/retry: /g)).toHaveLength(2);
    tick(2);
    expect(sink.destroyed).toBe(true);
  });

  it('does not detach a reader that is slow but takes something', () => {
    const { session, sink, subscription, tick } = setUp();
    session.start();
    sink.room = 1;
    for (let i = 0; i < 10; i++) {
      subscription.give('x');
      tick(7);
      sink.drain();
    }
    expect(subscription.closedBy).toBeUndefined();
  });

  it('detaches a reader over its budget even if its sink claims to have room (A10)', () => {
    const { session, sink, subscription, tick } = setUp({ readerBytes: 1 * KIB });
    session.start();
    sink.room = 1024 * KIB;
    subscription.give('x'.repeat(2 * KIB));
    tick();
    expect(subscription.closedBy).toBe('detached');
  });

  it('writes nothing more into an event it could not finish, which would become part of it', () => {
    const { session, sink, subscription } = setUp();
    session.start();
    sink.room = 1;
    subscription.give('x'.repeat(100 * KIB));
    subscription.detach('draining');
    expect(sink.ended).toBe(true);
    expect(sink.writes.at(-1)).toMatch(/x$/);
  });

  it('ends after the terminal event, once a full sink has taken it', () => {
    const { session, sink, subscription, tick } = setUp();
    session.start();
    sink.room = 1;
    subscription.give('last', 'completed');
    subscription.give('after it');
    subscription.detach('ended');
    expect(sink.ended).toBe(false);
    sink.drain();
    sink.drain();
    expect(sink.ended).toBe(true);
    expect(sink.text).toContain('"after it"');
    tick(7);
    expect(sink.destroyed).toBe(false);
    tick();
    expect(sink.destroyed).toBe(true);
  });

  it('sends readers of a draining process elsewhere, soon but not together (F26)', () => {
    for (const [chance, ms] of [
      [0, 100],
      [0.999, 999],
    ] as const) {
      const { session, sink, subscription } = setUp({ random: () => chance });
      session.start();
      subscription.detach('draining');
      expect(sink.text.endsWith(`retry: ${ms}\n\n: draining\n\n`)).toBe(true);
      expect(sink.ended).toBe(true);
    }
  });

  it('asks for access again within the interval, and ends the response when it is refused (A3)', async () => {
    let allowed = true;
    let asked = 0;
    const { session, sink, subscription, tick } = setUp({
      recheckTicks: 5,
      mayRead: async () => {
        asked++;
        return allowed;
      },
    });
    session.start();
    tick(5);
    expect(asked).toBe(1);
    await Promise.resolve();
    allowed = false;
    tick(5);
    expect(asked).toBe(2);
    await new Promise((resolve) => setImmediate(resolve));
    expect([sink.ended, subscription.closedBy]).toEqual([true, 'left']);
  });

  it('takes a failing, and a hanging, access check for a refusal (A3)', async () => {
    const failing = setUp({ recheckTicks: 1, mayRead: () => Promise.reject(new Error('down')) });
    failing.session.start();
    failing.tick();
    await new Promise((resolve) => setImmediate(resolve));
    expect([failing.sink.ended, failing.errors.length]).toEqual([true, 1]);
    const hanging = setUp({ recheckTicks: 2, mayRead: () => new Promise(() => {}) });
    hanging.session.start();
    hanging.tick(2);
    expect(hanging.sink.ended).toBe(false);
    hanging.tick(2);
    expect(hanging.sink.ended).toBe(true);
  });

  it('ends the response, without a word about why, when the log can’t be read', () => {
    const { session, sink, subscription, errors } = setUp();
    session.start();
    subscription.failure = new Error('canary');
    subscription.onReadable?.();
    expect([sink.ended, errors.length]).toEqual([true, 1]);
    expect(sink.text).toBe('retry: 2000\n\n');
  });

  it('ends a response as a whole one after an end, gone, a drain or lost access; anything else breaks it off', () => {
    const endedBy = (reason: DetachResult) => {
      const { session, sink, subscription } = setUp();
      session.start();
      subscription.give('x');
      subscription.detach(reason);
      return [sink.ended, sink.isWhole];
    };
    for (const reason of ['ended', 'gone', 'draining', 'left'] as const) {
      expect([reason, ...endedBy(reason)]).toEqual([reason, true, true]);
    }
    for (const reason of ['failed', 'detached'] as const) {
      expect([reason, ...endedBy(reason)]).toEqual([reason, true, false]);
    }
    const inside = setUp();
    inside.session.start();
    inside.sink.room = 1;
    inside.subscription.give('x'.repeat(100 * KIB));
    inside.subscription.detach('draining');
    expect([inside.sink.ended, inside.sink.isWhole]).toEqual([true, false]);
    const stalled = setUp();
    stalled.session.start();
    stalled.sink.room = 1;
    stalled.subscription.give('x');
    stalled.tick(9);
    expect([stalled.sink.ended, stalled.sink.isWhole]).toEqual([true, false]);
  });

  it('frames what it writes to a chunked sink by its length in bytes, and cuts no chunk short', () => {
    const { session, sink, subscription, tick } = setUp({ random: () => 0.5 });
    sink.isChunked = true;
    session.start('id: 7-1\n\n');
    subscription.give('für \u{1f600}');
    subscription.give('\u20ac'.repeat(40 * KIB));
    tick(4);
    subscription.detach('draining');
    const chunks: string[] = [];
    let rest = Buffer.from(sink.text);
    while (rest.length > 0) {
      const at = rest.indexOf('\r\n');
      const length = Number.parseInt(rest.subarray(0, at).toString(), 16);
      chunks.push(rest.subarray(at + 2, at + 2 + length).toString());
      expect(rest.subarray(at + 2 + length, at + 4 + length).toString()).toBe('\r\n');
      rest = rest.subarray(at + 4 + length);
    }
    expect(chunks).toEqual([
      'retry: 2000\n\nid: 7-1\n\n',
      'id: 7-1\nevent: text\ndata: "für \u{1f600}"\n\n',
      `id: 7-2\nevent: text\ndata: "${'\u20ac'.repeat(40 * KIB)}"\n\n`,
      ': heartbeat\n\n',
      'retry: 550\n\n: draining\n\n',
    ]);
  });

  it('leaves the stream when its reader does, and holds no timer after the last one', () => {
    const { session, sink, subscription, timers } = setUp();
    session.start();
    expect(timers.size).toBe(1);
    sink.destroy();
    expect([subscription.closedBy, subscription.onReadable, timers.size]).toEqual(['left', undefined, 0]);
  });

  it('leaves at once when its reader was gone before it began', () => {
    const { session, sink, subscription, timers } = setUp();
    sink.closed = true;
    session.start();
    expect([subscription.closedBy, sink.writes.length, timers.size]).toEqual(['left', 0, 0]);
  });
});
