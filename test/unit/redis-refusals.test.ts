/**
 * What servers say, word for word, and whether it is their last word.
 */
import { expect, it } from 'vitest';
import { refusalOf } from '../../src/stream/implementations/redis/refusals.js';

const OF_SCRIPT = 'script: 5e3b1f0a, on @user_script:48.';

const CERTAIN = [
  'WRONGTYPE Operation against a key holding the wrong kind of value',
  `WRONGTYPE Operation against a key holding the wrong kind of value ${OF_SCRIPT}`,
  `DAMAGED fence can not be read ${OF_SCRIPT}`,
  'NOPERM this user has no permissions to run the ‘evalsha’ command',
  `NOPERM HSET ${OF_SCRIPT}`,
  'NOPERM No permissions to access a key script: 5e3b1f0a, on @user_script:48.',
  "ERR user_script:12: attempt to index local 'record' (a nil value) script: 5e3b1f0a, on @user_script:12.",
  `ERR hash value is not an integer ${OF_SCRIPT}`,
  `ERR The ID specified in XADD is equal or smaller than the target stream top item ${OF_SCRIPT}`,
  `ERR Unknown Redis command called from script ${OF_SCRIPT}`,
  `ERR Script attempted to access keys that do not hash to the same slot ${OF_SCRIPT}`,
];

const PASSING = [
  `ERR Script attempted to execute a write command while the cluster is down and readonly ${OF_SCRIPT}`,
  `ERR Script attempted to execute a command while the cluster is down ${OF_SCRIPT}`,
  `ERR Script attempted to access a non local key in a cluster node ${OF_SCRIPT}`,
  'ERR Error running script (call to f_5e3b): @user_script:1: Script killed by user with SCRIPT KILL...',
  `ERR Script killed by user with SCRIPT KILL... ${OF_SCRIPT}`,
  'LOADING Redis is loading the dataset in memory',
  'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
  "READONLY You can't write against a read only replica.",
  `READONLY You can't write against a read only replica. ${OF_SCRIPT}`,
  'CLUSTERDOWN The cluster is down',
  'CLUSTERDOWN Hash slot not served',
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  'TRYAGAIN Multiple keys request during rehashing of slot',
  'MOVED 3999 127.0.0.1:6381',
  'ASK 3999 127.0.0.1:6381',
  'NOREPLICAS Not enough good replicas to write.',
  `OOM command not allowed when used memory > 'maxmemory'. ${OF_SCRIPT}`,
  `MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist on disk. ${OF_SCRIPT}`,
  'NOAUTH Authentication required.',
  'ERR max number of clients reached',
  'Connection is closed.',
];

it.each(CERTAIN)('is the server’s last word: %s', (text) => {
  expect(refusalOf(new Error(text)).code).toBe('store_damaged');
});

it.each(PASSING)('passes, and ends no job: %s', (text) => {
  expect(refusalOf(new Error(text))).toMatchObject({ code: 'unavailable', cause: { message: text } });
});
