/**
 * What is left to replicas that can fold the content, and for how long: with time that can be moved.
 */
import { describe, it } from 'vitest';
import { runContract } from '../contract/harness.js';
import { memoryBackend } from '../contract/memory.js';
import { longUnknownModelContracts } from '../contract/unknown-models.js';

describe('Content models that no replica has', () => {
  for (const contract of longUnknownModelContracts) {
    it(contract.title, () => runContract(contract, () => memoryBackend()));
  }
});
