/**
 * What a client library can change, through iovalkey.
 */
import { Redis } from 'iovalkey';
import { describeClientLibrary } from './redis-client.js';

describeClientLibrary('Redis through iovalkey', (port) => new Redis({ port, host: '127.0.0.1' }));
