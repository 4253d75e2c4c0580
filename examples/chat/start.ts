/**
 * The example as a process: one server, or with `--replicas <count>` several of them behind one front; with `--agent` a
 * real agent answers. What can't start says why in one line and exits with 1.
 */
import { parseArgs } from 'node:util';
import { destination, pino } from 'pino';
import { supervise } from './replicas/supervisor.js';
import { readConfig } from './server/config.js';
import { serveReplica } from './server/replica.js';

/** More than enough to see what several do, and few enough for a laptop. */
const MOST_REPLICAS = 16;

try {
  const { replicas, agent } = readArguments();
  const config = readConfig(process.env, { agent });
  const logger = pino({ level: config.logLevel }, destination(2));
  await (replicas === undefined
    ? serveReplica(config, logger)
    : supervise(config, replicas, import.meta.filename));
} catch (error) {
  console.error(`chat: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

/** @throws Error for arguments that can't be used */
function readArguments(): { replicas: number | undefined; agent: boolean } {
  const options = { replicas: { type: 'string' }, agent: { type: 'boolean', default: false } } as const;
  const { replicas, agent } = parseArgs({ options }).values;
  if (replicas === undefined) return { replicas, agent };
  const count = Number(replicas);
  if (Number.isInteger(count) && count >= 1 && count <= MOST_REPLICAS) return { replicas: count, agent };
  throw new Error(`--replicas takes a number from 1 to ${MOST_REPLICAS}`);
}
