/**
 * The example as a process: one server, or with `--replicas <count>` several of them behind one front; with `--agent` a
 * real agent answers, with `--worker` a process of its own behind the gateway. What can't start says why in one line and exits with 1.
 */
import { parseArgs } from 'node:util';
import { destination, pino } from 'pino';
import { supervise } from './replicas/supervisor.js';
import { readConfig } from './server/config.js';
import { serveReplica } from './server/replica.js';

/** More than enough to see what several do, and few enough for a laptop. */
const MOST_REPLICAS = 16;

try {
  const { replicas, ...chosen } = readArguments();
  const config = readConfig(process.env, chosen);
  const logger = pino({ level: config.logLevel }, destination(2));
  await (replicas === undefined
    ? serveReplica(config, logger)
    : supervise(config, replicas, import.meta.filename));
} catch (error) {
  console.error(`chat: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

/** @throws Error for arguments that can't be used */
function readArguments(): { replicas: number | undefined; agent: boolean; worker: boolean } {
  const isOff = { type: 'boolean', default: false } as const;
  const options = { replicas: { type: 'string' }, agent: isOff, worker: isOff } as const;
  const { replicas, agent, worker } = parseArgs({ options }).values;
  if (agent && worker) throw new Error('--agent answers in the server itself: leave out --agent or --worker');
  return { replicas: replicas === undefined ? undefined : countIn(replicas), agent, worker };
}

function countIn(replicas: string): number {
  const count = Number(replicas);
  if (Number.isInteger(count) && count >= 1 && count <= MOST_REPLICAS) return count;
  throw new Error(`--replicas takes a number from 1 to ${MOST_REPLICAS}`);
}
