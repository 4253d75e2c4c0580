/** What a transport fails at reaches the host, once for each kind and not once for each stream, and fails nobody. */
import { expect, it } from 'vitest';
import { InMemoryEventTransport } from '../../src/stream/implementations/memory/event-transport.js';
import type { EventTransport } from '../../src/stream/interfaces/event-transport.js';
import type { TransportStep } from '../../src/stream/interfaces/observer.js';
import type { Report } from '../../src/stream/interfaces/report.js';
import type { ErrorReport } from '../../src/stream/model/error-report.js';
import { streamKey } from '../../src/stream/model/stream-key.js';
import { PartWatch } from '../../src/stream/process/part-watch.js';
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
