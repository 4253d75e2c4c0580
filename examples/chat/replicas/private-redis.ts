/**
 * A Redis of this process's own, for who has none running: started with the command, and gone with it, whatever ends it.
 * Its data too: it is for trying the example.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { findOnPath } from '../playing/on-path.js';
import type { KeeperReport } from './redis-keeper.js';

export interface PrivateRedis {
  readonly url: string;
  /** When it ended without being asked to. */
  readonly lost: Promise<void>;
  stop(): Promise<void>;
}

/** @throws Error saying what to install, or what the server said */
export async function startPrivateRedis(given: string | undefined): Promise<PrivateRedis> {
  const program = given ?? findOnPath('redis-server');
  if (program === undefined) {
    throw new Error(
      'several replicas need Redis: install redis-server (apt-get install redis-server, brew install redis), ' +
        'or set REDIS_SERVER_PATH or REDIS_URL',
    );
  }
  // A group of its own: Ctrl-C in a terminal is for this process, which still needs Redis while it stops.
  const keeper = fork(new URL('./redis-keeper.js', import.meta.url), [program], { detached: true });
  const gone = once(keeper, 'exit').then(() => {});
  const report = await new Promise<KeeperReport>((resolve) => {
    keeper.once('message', (message) => resolve(message as KeeperReport));
    void gone.then(() => resolve({ problem: `${program} could not be started` }));
  });
  if ('problem' in report) throw new Error(report.problem);
  let isStopping = false;
  return {
    url: `redis://127.0.0.1:${report.port}`,
    lost: gone.then(() => (isStopping ? new Promise<void>(() => {}) : undefined)),
    async stop() {
      isStopping = true;
      if (keeper.connected) keeper.disconnect();
      await gone;
    },
  };
}
