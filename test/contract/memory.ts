/**
 * The memory store and transport as a backend: every replica is given the same two objects, and time is a fake clock's.
 */
import type { Clock } from '../../src/clock.js';
import { InMemoryEventTransport } from '../../src/stream/implementations/memory/event-transport.js';
import { InMemoryJobStore } from '../../src/stream/implementations/memory/job-store.js';
import type { JobStore } from '../../src/stream/interfaces/job-store.js';
import { backendOnFakeTime } from './backends.js';
import type { Backend } from './harness.js';
import './vitest-tools.js';

/** @param breakStore makes of the good store the one to test */
export async function memoryBackend(
  breakStore: (store: JobStore, clock: Clock) => JobStore = (store) => store,
): Promise<Backend> {
  return backendOnFakeTime((clock) => {
    const jobStore = breakStore(new InMemoryJobStore({ clock }), clock);
    const eventTransport = new InMemoryEventTransport();
    return { connect: () => ({ jobStore, eventTransport }) };
  });
}
