/**
 * What is left to replicas that have the key, and for how long: with time that can be moved.
 */
import { describe, it } from 'vitest';
import { runContract } from '../contract/harness.js';
import { memoryBackend } from '../contract/memory.js';
import { longSealContracts } from '../contract/seals.js';

describe('Secrets that no replica can open', () => {
  for (const contract of longSealContracts) {
    it(`${contract.id} ${contract.title}`, () => runContract(contract, () => memoryBackend()));
  }
});
