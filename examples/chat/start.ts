/**
 * The example as a process: one server, or with `--replicas <count>` several of them behind one front; with `--agent` a
 * real agent answers, with `--cli <name>` an agent that is a command, with `--worker` a process of its own behind the gateway. What can't start says why in one line and exits with 1.
 */
import { parseArgs } from 'node:util';
import { destination, pino } from 'pino';
import { announcementOf, commandNamed } from './playing/commands.js';
import { supervise } from './replicas/supervisor.js';
import { type Chosen, readConfig } from './server/config.js';
import { serveReplica } from './server/replica.js';

/** More than enough to see what several do, and few enough for a laptop. */
const MOST_REPLICAS = 16;

try {
  const { replicas, ...chosen } = readArguments();
  const config = readConfig(process.env, chosen);
  // Replicas are started by a process that has said it.
  if (chosen.command && process.send === undefined) console.log(`chat: ${announcementOf(chosen.command)}`);
  const logger = pino({ level: config.logLevel }, destination(2));
  await (replicas === undefined
    ? serveReplica(config, logger)
    : supervise(config, replicas, import.meta.filename));
} catch (error) {
  console.error(`chat: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

/** @throws Error for arguments that can't be used */
function readArguments(): Chosen & { readonly replicas: number | undefined } {
  const isOff = { type: 'boolean', default: false } as const;
  const given = { type: 'string' } as const;
  const options = { replicas: given, agent: isOff, worker: isOff, cli: given } as const;
  const { replicas, agent, worker, cli } = parseArgs({ options }).values;
  if (agent && (worker || cli !== undefined))
    throw new Error(
      `--agent answers in the server itself: leave out --agent or ${worker ? '--worker' : '--cli'}`,
    );
  const command = cli === undefined ? undefined : commandNamed(cli);
  return { replicas: replicas === undefined ? undefined : countIn(replicas), agent, worker, command };
}

function countIn(replicas: string): number {
  const count = Number(replicas);
  if (Number.isInteger(count) && count >= 1 && count <= MOST_REPLICAS) return count;
  throw new Error(`--replicas takes a number from 1 to ${MOST_REPLICAS}`);
}
