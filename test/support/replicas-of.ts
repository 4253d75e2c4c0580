/**
 * Several replicas of the example as a test sees them: which one makes an answer, what each counts, and whether anything
 * still listens where they were.
 */
import { connect } from 'node:net';
import { vi } from 'vitest';
import type { ChatProcess, ChatReplica } from './chat-process.js';

/** A replica on a busy machine may take its time to say that it has begun. */
const WAIT_MS = 60_000;

/** The one replica that is producing, as soon as there is one. */
export function producingReplica({ replicas }: ChatProcess): Promise<ChatReplica> {
  return vi.waitFor(
    async () => {
      const counts = await Promise.all(replicas.map((replica) => gauge(replica, 'jobs_in_flight')));
      const [producing, ...others] = replicas.filter((_, index) => (counts[index] ?? 0) > 0);
      if (producing === undefined || others.length > 0) throw new Error(`in flight: ${counts.join(', ')}`);
      return producing;
    },
    { timeout: WAIT_MS, interval: 10 },
  );
}

/** A metric of the library that has no labels; 0 from a replica that is gone. */
export async function gauge({ url }: Pick<ChatReplica, 'url'>, name: string): Promise<number> {
  const text = await fetch(`${url}/metrics`).then(
    (response) => response.text(),
    () => '',
  );
  return Number(new RegExp(`^generation_jobs_${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
}

/** Whether nobody takes connections on a loopback port. */
export function isSilent(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });
}
