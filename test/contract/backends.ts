/**
 * Backends of the two kinds there are: those whose clock a test moves, and those that live in real time. Whoever tests a
 * store of their own says how one more process gets at it, and takes one of these.
 */
import { systemClock } from 'generation-jobs';
import type { EventTransport, JobStore } from 'generation-jobs/ports';
import { FakeClock, turns } from 'generation-jobs/testing';
import { Activity } from './delayed-store.js';
import type { Backend } from './harness.js';
import { expect } from './tools.js';

/** A fresh store, empty and seen by nobody else, and the transport that goes with it. */
export interface PortsUnderTest {
  /** The store and the transport of one more process: all of them see the same streams. */
  connect(): { readonly jobStore: JobStore; readonly eventTransport: EventTransport };
  /** Whether the store makes frames known itself, and so hands none to its caller. Default false. */
  readonly publishes?: boolean | undefined;
  /** Lets go of it all when a contract has run. @throws when something of its own has been left behind */
  dispose?(): Promise<void>;
}

/** The share of the races that is run: all by default. */
const SHARE = Number(process.env.CONTRACT_SHARE ?? 1);

/**
 * Makes a backend whose time is moved by the contracts, for a store that takes its time from a clock it is given: thousands of
 * races run in a few seconds.
 * @param makePorts given the clock that the store must go by
 */
export function backendOnFakeTime(makePorts: (clock: FakeClock) => PortsUnderTest): Backend {
  const clock = new FakeClock();
  const activity = new Activity();
  const ports = makePorts(clock);
  const rest = async () => {
    do await clock.rest();
    while (activity.underWay > 0);
  };
  clock.quiet = rest;
  return {
    clock,
    activity,
    rounds: 1_000 * SHARE,
    publishes: ports.publishes ?? false,
    slackMs: 50,
    connect: () => ports.connect(),
    advance: (ms) => clock.advance(ms),
    jump: (ms) => clock.jump(ms),
    rest,
    dispose: async () => {
      await rest();
      await ports.dispose?.();
      expect(clock.pendingTimers, 'timers left behind').toBe(0);
    },
  };
}

/** Makes a backend in real time, for a store with a clock of its own: contracts wait, so let several run at once. */
export function backendOnRealTime(ports: PortsUnderTest): Backend {
  const activity = new Activity();
  const pass = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const rest = async () => {
    await turns(10);
    for (; activity.underWay > 0; await turns(10)) await pass(1);
  };
  return {
    clock: systemClock,
    activity,
    rounds: 100 * SHARE,
    publishes: ports.publishes ?? false,
    slackMs: 15_000,
    roomyTimes: {
      ...{ leaseMs: 30_000, renewMs: 1_300, createTimeoutMs: 12_000, settleClaimMs: 30_000 },
      ...{ approvalWindowMs: 60_000, retentionMs: 60_000, idempotencyMs: 120_000 },
    },
    connect: () => ports.connect(),
    advance: pass,
    rest,
    dispose: async () => {
      await rest();
      await ports.dispose?.();
    },
  };
}
