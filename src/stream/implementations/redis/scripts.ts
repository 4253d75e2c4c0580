/**
 * Sends scripts by their digest, and their text only to a server that does not know it (a new one, or one whose scripts
 * were flushed). Every call is bounded in time: a client without a time-out of its own would make a caller wait for
 * ever, and every one of our writes is recognised when it is made again.
 */
import { createHash } from 'node:crypto';
import type { GenerationJobError } from '../../../errors.js';
import { Deadlines, type RedisClient } from './client.js';
import { refusalOf } from './refusals.js';
import { REDIS_SCRIPTS } from './scripts.generated.js';
import { RedisTrouble } from './trouble.js';

export type ScriptName = keyof typeof REDIS_SCRIPTS;

interface Script {
  readonly text: string;
  readonly sha: string;
}

export class RedisScripts {
  readonly #client: RedisClient;
  readonly #deadlines: Deadlines;
  readonly #scripts: Record<ScriptName, Script>;
  /** The watch that tells the host what keeps the server from taking writes. */
  readonly trouble = new RedisTrouble();

  constructor(client: RedisClient, options: { timeoutMs: number; sharded: boolean }) {
    this.#client = client;
    this.#deadlines = new Deadlines(options.timeoutMs);
    const entries = Object.entries(REDIS_SCRIPTS).map(([name, text]) => {
      const own = options.sharded ? text.replaceAll("'PUBLISH'", "'SPUBLISH'") : text;
      return [name, { text: own, sha: createHash('sha1').update(own).digest('hex') }];
    });
    this.#scripts = Object.fromEntries(entries) as Record<ScriptName, Script>;
  }

  /**
   * @throws GenerationJobError `unavailable` when Redis did not answer, or not now: the outcome is unknown ·
   *   `store_damaged` when it refused for good: nothing was changed
   */
  async run(name: ScriptName, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const { sha, text } = this.#scripts[name];
    try {
      return await this.#deadlines.limit(this.#client.evalsha(sha, keys.length, ...keys, ...args));
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw this.refusal(error);
    }
    try {
      return await this.#deadlines.limit(this.#client.eval(text, keys.length, ...keys, ...args));
    } catch (error) {
      throw this.refusal(error);
    }
  }

  /** Makes calls that leave together: one write to the socket of each node, however many they are. */
  together<Result>(makeCalls: () => Result): Result {
    const nodes = this.#client.nodes?.() ?? [this.#client];
    const sockets = nodes.flatMap(({ stream }) => stream ?? []);
    for (const socket of sockets) socket.cork();
    try {
      return makeCalls();
    } finally {
      for (const socket of sockets) socket.uncork();
    }
  }

  /** One plain command. @throws as `run` */
  command(name: string, ...args: (string | number)[]): Promise<unknown> {
    return this.commandOn(this.#client, name, ...args);
  }

  /** One plain command to one node of a cluster. @throws as `run` */
  async commandOn(node: RedisClient, name: string, ...args: (string | number)[]): Promise<unknown> {
    try {
      return await this.#deadlines.limit(node.call(name, ...args));
    } catch (error) {
      throw this.refusal(error);
    }
  }

  /** The error for what the server has said, of which the host is told if it is trouble. */
  refusal(error: unknown): GenerationJobError {
    this.trouble.see(error);
    return refusalOf(error);
  }
}
