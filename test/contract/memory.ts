/**
 * The memory store and transport as a backend: every replica is given the same two objects, and time is a fake clock's.
 */
import { expect } from 'vitest';
import type { Clock } from '../../src/clock.js';
import { InMemoryEventTransport } from '../../src/stream/implementations/memory/event-transport.js';
import { InMemoryJobStore } from '../../src/stream/implementations/memory/job-store.js';
import type { JobStore } from '../../src/stream/interfaces/job-store.js';
import { Activity } from '../support/delayed-store.js';
import { FakeClock } from '../support/fake-clock.js';
import type { Backend } from './harness.js';

/** @param breakStore makes of the good store the one to test */
export async function memoryBackend(
  breakStore: (store: JobStore, clock: Clock) => JobStore = (store) => store,
): Promise<Backend> {
  const clock = new FakeClock();
  const activity = new Activity();
  const jobStore = breakStore(new InMemoryJobStore({ clock }), clock);
  const eventTransport = new InMemoryEventTransport();
  const rest = async () => {
    do await clock.rest();
    while (activity.underWay > 0);
  };
  clock.quiet = rest;
  return {
    clock,
    activity,
    rounds: 1_000,
    publishes: false,
    slackMs: 50,
    connect: () => ({ jobStore, eventTransport }),
    advance: (ms) => clock.advance(ms),
    jump: (ms) => clock.jump(ms),
    rest,
    dispose: async () => {
      await rest();
      expect(clock.pendingTimers, 'timers left behind').toBe(0);
    },
  };
}
