/**
 * The contract suite: what a store, and a store with its transport, must do, as tests for any runner that has `describe`,
 * `it` and an `expect` like Vitest's. It sees what everybody sees of the package, so whoever writes a store of their own
 * runs the tests that the package's own stores pass.
 */
export { backendOnFakeTime, backendOnRealTime, type PortsUnderTest } from './backends.js';
export { describeStoreContract, describeStreamContract, type Subject } from './describe.js';
export type { Backend, BackendFactory } from './harness.js';
export { describeRuleStoreContract, type RuleBackend } from './rules.js';
export type { Expect, Matchers, TestTools } from './tools.js';
