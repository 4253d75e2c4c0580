/**
 * The contracts on the memory store and transport.
 */
import { describeStoreContract, describeStreamContract } from './describe.js';
import { memoryBackend } from './memory.js';
import { TOOLS } from './vitest-tools.js';

describeStoreContract('memory', () => memoryBackend(), TOOLS);
describeStreamContract('memory', () => memoryBackend(), TOOLS);
