/** What a transport fails at reaches the host, once for each kind and not once for each stream, and fails nobody. */
import { expect, it } from 'vitest';
import { createStreamServices } from '../../src/services.js';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import { InMemoryEventTransport } from '../../src/stream/implementations/memory/event-transport.js';
import type { EventTransport } from '../../src/stream/interfaces/event-transport.js';
import type { TransportStep } from '../../src/stream/interfaces/observer.js';
import type { Report } from '../../src/stream/interfaces/report.js';
import type { ErrorReport } from '../../src/stream/model/error-report.js';
import { streamKey } from '../../src/stream/model/stream-key.js';
import { PartWatch } from '../../src/stream/process/part-watch.js';
import { safeLogger } from '../../src/stream/process/safe-logger.js';
import { safeObserver } from '../../src/stream/process/safe-observer.js';
import { SafeTransport } from '../../src/stream/process/safe-transport.js';
import { FakeClock } from '../../src/testing/fake-clock.js';

const KEY = streamKey('s');
const LISTENER = { onFrame: () => {}, onGone: () => {}, onReset: () => {} };
const frame = { key: KEY, generation: 1, firstSequence: 1, lastSequence: 1, events: undefined };

function watched(inner: Partial<EventTransport>) {
  const reports: ErrorReport[] = [];
  const counted: TransportStep[] = [];
  const clock = new FakeClock();
  const transport = new SafeTransport(Object.assign(new InMemoryEventTransport(), inner), {
    observer: { transportFailed: (step) => counted.push(step) },
    errors: { report: (report) => void reports.push(report) },
    clock,
    watch: new PartWatch(clock),
  });
  return { transport, reports, counted, clock };
}

const fail = (message: string) => (): never => {
  throw new Error(message);
};

it('tells a failure to listen once, however many streams and polls meet it, and again after a minute with their number', async () => {
  const { transport, reports, counted, clock } = watched({ subscribe: async () => fail('no link')() });
  const listen = () => transport.subscribe(KEY, LISTENER).catch((error: Error) => error.message);
  for (let n = 0; n < 50; n++) expect(await listen(), 'the caller learns it').toBe('no link');
  expect(reports).toHaveLength(1);
  expect(reports[0]).toMatchObject({
    where: 'transport',
    record: KEY,
    details: { step: 'subscribe', failed: 1 },
  });
  await clock.advance(61_000);
  await listen();
  expect(reports.map(({ details }) => details?.failed)).toEqual([1, 50]);
  expect(counted).toEqual(Array(51).fill('subscribe'));
});

it('tells what was not published or signalled, each kind by itself, and throws nothing', () => {
  const { transport, reports, counted } = watched({
    publish: fail('no frames'),
    publishGone: fail('no end'),
    signal: fail('no signals'),
  });
  for (let n = 0; n < 10; n++) {
    transport.publish(frame);
    transport.publishGone(KEY);
    transport.signal({ key: KEY, generation: 1 });
  }
  expect(reports.map(({ error }) => (error as Error).message)).toEqual(['no frames', 'no end', 'no signals']);
  expect(counted.filter((step) => step === 'publish')).toHaveLength(20);
  expect(counted.filter((step) => step === 'signal')).toHaveLength(10);
});

it('tells what a transport says by itself, and bounds what it remembers', async () => {
  let tell: Report = () => {};
  const { transport, reports, counted } = watched({
    start: async (report) => {
      tell = report ?? tell;
    },
  });
  await transport.start();
  for (let n = 0; n < 5; n++) tell(new Error('the link was given up'));
  expect(reports).toHaveLength(1);
  for (let n = 0; n < 1_000; n++) tell(new Error(`stream ${n}`));
  expect(reports).toHaveLength(1_001);
  expect(counted).toHaveLength(1_005);
});

/** What ends a Node that nobody listens on. */
async function unhandledDuring(act: () => void): Promise<unknown[]> {
  const unhandled: unknown[] = [];
  const earlier = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', (error) => void unhandled.push(error));
  try {
    act();
    await new Promise((resolve) => setTimeout(resolve, 10));
  } finally {
    process.removeAllListeners('unhandledRejection');
    for (const listener of earlier) process.on('unhandledRejection', listener);
  }
  return unhandled;
}

it('tells what a transport whose methods are async rejects with, which would end the process', async () => {
  const reject = (message: string) => async () => fail(message)();
  const { transport, reports, counted } = watched({
    publish: reject('no frames'),
    publishGone: reject('no end'),
    signal: reject('no signals'),
  });
  const unhandled = await unhandledDuring(() => {
    transport.publish(frame);
    transport.publishGone(KEY);
    transport.signal({ key: KEY, generation: 1 });
  });
  expect(unhandled).toEqual([]);
  expect(reports.map(({ error }) => (error as Error).message)).toEqual(['no frames', 'no end', 'no signals']);
  expect(counted).toEqual(['publish', 'publish', 'signal']);
});

it('an observer and a logger whose methods are async reject to whoever is told their failures', async () => {
  const told: string[] = [];
  const tell = (error: unknown) => void told.push((error as Error).message);
  const observer = safeObserver({ transportFailed: async () => fail('no counter')() }, tell);
  const logger = safeLogger({ debug() {}, info() {}, error() {}, warn: async () => fail('no log')() }, tell);
  const unhandled = await unhandledDuring(() => {
    observer.transportFailed('link');
    observer.transportFailed('link');
    logger.warn({}, 'a line');
  });
  expect(unhandled).toEqual([]);
  expect(told).toEqual(['no counter', 'no log']);
});

it('a manager gives its store and its transport one reporter, however often it is started in vain', async () => {
  const { jobStore, eventTransport } = createStreamServices();
  const given = { store: new Set<unknown>(), transport: new Set<unknown>() };
  const startStore = jobStore.start.bind(jobStore);
  let tries = 0;
  jobStore.start = async (report) => {
    given.store.add(report);
    tries++;
    await startStore(report);
  };
  eventTransport.start = async (report) => {
    given.transport.add(report);
    fail('no link')();
  };
  const manager = new GenerationJobManager({ jobStore, eventTransport, hooks: { onError: () => {} } });
  for (let n = 0; n < 20; n++)
    await expect(manager.createJob({ streamId: 's', userId: 'u' })).rejects.toThrow();
  expect(tries).toBe(20);
  expect([...given.store, ...given.transport]).toEqual([expect.any(Function), expect.any(Function)]);
  await manager.close();
});
