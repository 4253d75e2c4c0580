/**
 * One run: an empty server, a fresh producer, a fresh receiver, a warm-up under the same load, then the measured time.
 */
import type { Redis } from 'ioredis';
import { Child, type ContenderName, type RunSetup } from './messages.js';
import { ServerCounters } from './server-counters.js';

/** Of one run; all but the first four per token. */
export interface Sample {
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
  readonly lost: number;
  readonly roundTrips: number;
  readonly appends: number;
  readonly redisCpu: number;
  readonly producerCpu: number;
  readonly receiverCpu: number;
  readonly wireBytes: number;
}

/** The commands a client sends: what scripts call inside the server is no round trip. */
const SENT: Record<ContenderName, readonly string[]> = {
  publish: ['publish'],
  'per-token': ['evalsha', 'eval', 'incr', 'publish'],
  ours: ['evalsha', 'eval', 'subscribe', 'ssubscribe', 'ping', 'time'],
};

export async function measure(setup: RunSetup, admins: readonly Redis[]): Promise<Sample> {
  for (const admin of admins) await admin.flushall();
  const producer = new Child('producer.js', setup);
  const receiver = new Child('receiver.js', setup);
  try {
    await producer.ask('open', undefined);
    await receiver.ask('open', undefined);
    await receiver.ask('begin', (await producer.ask('warmUp', undefined)).total);
    const counters = new ServerCounters(admins);
    await counters.reset();
    const sent = await producer.ask('measure', undefined);
    const received = await receiver.ask('finish', sent.total);
    const { cpuMicros, wireBytes, calls } = await counters.read();
    const callsOf = (names: readonly string[]) =>
      names.reduce((sum, name) => sum + (calls.get(name) ?? 0), 0);
    return {
      p50: received.p50,
      p99: received.p99,
      perSecond: (sent.tokens / (received.lastAt - sent.startedAt)) * 1e6,
      lost: sent.total - received.total,
      roundTrips: callsOf(SENT[setup.contender]) / sent.tokens,
      appends: callsOf(['xadd']) / sent.tokens,
      redisCpu: cpuMicros / sent.tokens,
      producerCpu: sent.cpuMicros / sent.tokens,
      receiverCpu: received.cpuMicros / sent.tokens,
      wireBytes: wireBytes / sent.tokens,
    };
  } finally {
    await Promise.all([producer.end(), receiver.end()]);
  }
}
