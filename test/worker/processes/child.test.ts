/** A child process by itself: what it is told, and when its number is no longer its own. */
import { once } from 'node:events';
import { afterEach, expect, it, vi } from 'vitest';
import { AgentChild } from '../../../src/worker/process/child.js';

afterEach(() => vi.restoreAllMocks());

function childOf(command: string, ...args: string[]): AgentChild {
  const env = { PATH: process.env.PATH ?? '' };
  return new AgentChild({ command, args, env, cwd: undefined, graceMs: 100 });
}

it('a group that is gone is signalled no more: its number may be somebody else’s', async () => {
  const child = childOf('true');
  await child.gone;
  const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
  expect(child.signalGroup('SIGKILL')).toBe(false);
  await child.terminate();
  expect(kill).not.toHaveBeenCalled();
});

it('a group is asked to go once, and ended when it does not', async () => {
  const kill = vi.spyOn(process, 'kill');
  const child = childOf('sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 0.05; done');
  await once(child.stdout, 'data');
  await Promise.all([child.terminate(), child.terminate(), child.terminateUnlessGone()]);
  await child.gone;
  const sent = kill.mock.calls.flatMap(([pid, signal]) => (pid === -(child.pid as number) ? signal : []));
  expect(sent.slice(0, 2)).toEqual(['SIGTERM', 'SIGKILL']);
});

it('an agent that reads nothing is told no more than a bound', async () => {
  const child = childOf('sleep', '1000');
  const line = 'x'.repeat(1023);
  let told = 0;
  while (told < 10_000 && child.tell(line)) told++;
  expect(told).toBeGreaterThan(1_000);
  expect(told).toBeLessThan(2_000);
  await child.terminate();
  expect(child.tell(line)).toBe(true); // nobody is there to be told: its exit says so
});
