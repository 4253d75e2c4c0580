/**
 * The contracts on the memory store and transport.
 */
import { describeStoreContract, describeStreamContract } from './describe.js';
import { memoryBackend } from './memory.js';

describeStoreContract('memory', () => memoryBackend());
describeStreamContract('memory', () => memoryBackend());
