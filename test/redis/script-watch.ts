/** Which scripts a client is asked to run, and on which keys. */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { REDIS_SCRIPTS } from '../../src/stream/implementations/redis/scripts.generated.js';

const NAMES = new Map(
  Object.entries(REDIS_SCRIPTS).map(([name, text]) => [createHash('sha1').update(text).digest('hex'), name]),
);

export interface ScriptRun {
  readonly script: string;
  readonly keys: readonly string[];
}

/** Notes what is run on the client from now on in the array it returns. */
export function watchScripts(client: Redis): ScriptRun[] {
  const runs: ScriptRun[] = [];
  const { evalsha } = client;
  Object.assign(client, {
    evalsha: (sha: string, count: number, ...args: (string | number)[]) => {
      runs.push({ script: NAMES.get(sha) ?? 'unknown', keys: args.slice(0, count).map(String) });
      return evalsha.call(client, sha, count, ...args);
    },
  });
  return runs;
}
