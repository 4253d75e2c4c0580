/** What a server says when it takes no writes reaches the host as it is, once a minute for each kind. */
import { expect, it } from 'vitest';
import { RedisTrouble } from '../../src/stream/implementations/redis/trouble.js';

const OF_SCRIPT = 'script: 5e3b1f0a, on @user_script:48.';

function told(...said: string[]): string[] {
  const messages: string[] = [];
  const trouble = new RedisTrouble();
  trouble.tell((error) => void messages.push((error as Error).message));
  for (const text of said) trouble.see(new Error(text));
  return messages;
}

it.each([
  'CLUSTERDOWN The cluster is down',
  `ERR Script attempted to execute a command while the cluster is down ${OF_SCRIPT}`,
  `ERR Script attempted to execute a write command while the cluster is down and readonly ${OF_SCRIPT}`,
])('tells the host that its cluster is not whole, whether a command or a script is told so: %s', (text) => {
  expect(told(text)).toEqual([expect.stringContaining('The Redis Cluster is not whole')]);
});

it('tells the same trouble once, in whichever words it comes', () => {
  const ofScript = `ERR Script attempted to execute a command while the cluster is down ${OF_SCRIPT}`;
  expect(told(ofScript, 'CLUSTERDOWN Hash slot not served', ofScript)).toHaveLength(1);
});

it.each([
  'WRONGTYPE Operation against a key holding the wrong kind of value',
  `ERR user_script:12: attempt to index a nil value, a stream named “the cluster is down” ${OF_SCRIPT}`,
  `ERR Script killed by user with SCRIPT KILL... ${OF_SCRIPT}`,
])('tells nothing of what is no trouble of the server: %s', (text) => {
  expect(told(text)).toEqual([]);
});

it('tells a reporter once that was given for each of many tries to start', () => {
  const messages: string[] = [];
  const report = (error: unknown) => void messages.push((error as Error).message);
  const trouble = new RedisTrouble();
  for (let n = 0; n < 20; n++) trouble.tell(report);
  trouble.see(new Error('OOM command not allowed when used memory > maxmemory'));
  expect(messages).toHaveLength(1);
});
