/**
 * What a client library can change, through ioredis 5.
 */
import { Redis } from 'ioredis5';
import { describeClientLibrary } from './redis-client.js';

describeClientLibrary('Redis through ioredis 5', (port) => new Redis({ port, host: '127.0.0.1' }));
