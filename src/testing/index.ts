/**
 * Tests of hosts, and of those who write a store, get time that a test moves, a store and a transport that lose what
 * the contract allows them to lose, and waiting for what becomes of a job. None of it belongs into production.
 */
export { FakeClock, turns } from './fake-clock.js';
export { firstReplies, type Loss, lossyStore, unknownOutcome } from './lossy-store.js';
export { DEAF, type Losses, lossyTransport } from './lossy-transport.js';
export { type UntilOptions, until } from './until.js';
export { type Intercept, type StoreCall, wrapStore } from './wrapped-store.js';
