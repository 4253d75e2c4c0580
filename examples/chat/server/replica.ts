/**
 * One server: listens, says where, and on SIGTERM or SIGINT lets running answers end or be handed over before it exits
 * with 0. A second signal ends it at once. One that was started by another process, with a channel to it, doesn't
 * outlive that process.
 */
import type { Logger } from 'pino';
import { openAgent } from '../playing/agent.js';
import { createChatApp } from './app.js';
import type { Config } from './config.js';
import { EXAMPLE_FOLDER, REPOSITORY_FOLDER } from './folders.js';
import { listen } from './listening.js';
import { openStorage } from './storage.js';

/** What a replica tells the process that started it, once it can be asked. */
export interface ReplicaReady {
  readonly port: number;
}

/** What it is told by that process, once there is a front. */
export interface FrontReady {
  /** Of the routes for workers, at whichever replica lives. */
  readonly gateway: string;
}

const SECOND = 1000;
/** How long answers may go on after a signal. Longer, and a supervisor kills the process first. */
const GRACE_MS = 5 * SECOND;

/** @throws Error in words when Redis can't be reached or the port is taken */
export async function serveReplica(config: Config, logger: Logger): Promise<void> {
  const storage = await openStorage(config, logger);
  const agent = config.agent ? await openAgent(REPOSITORY_FOLDER, config, logger) : undefined;
  const { app, manager, worker } = createChatApp(EXAMPLE_FOLDER, config, { storage, agent, logger });
  await manager.start();
  const listening = await listen(app, config.port, config.hosts);
  if (worker) {
    worker.gateway = `${listening.url}/worker`;
    process.on('message', ({ gateway }: FrontReady) => {
      worker.gateway = gateway;
    });
    await worker.start();
  }
  process.once('SIGTERM', () => void stop(GRACE_MS));
  process.once('SIGINT', () => void stop(GRACE_MS));
  process.once('disconnect', () => void stop(0));
  console.log(`chat: ${listening.url}`);
  const ready: ReplicaReady = { port: listening.port };
  process.send?.(ready);

  async function stop(graceMs: number): Promise<void> {
    for (const reason of ['SIGTERM', 'SIGINT', 'disconnect']) {
      process.removeAllListeners(reason);
      process.once(reason, () => process.exit(1));
    }
    const drained = manager.drain({ graceMs });
    // Its end comes through the gateway.
    await worker?.stop(graceMs);
    const closed = listening.close();
    await drained;
    await manager.close();
    listening.cut();
    await closed;
    storage.close();
    await agent?.close();
    process.exit(0);
  }
}
