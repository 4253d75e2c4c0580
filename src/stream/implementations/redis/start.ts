/**
 * The first look at a Redis, so that what would fail later, one call at a time, fails `start` once and in words: nobody
 * there, a wrong password, rights that are missing, a server that is too old, a copy that takes no writes.
 *
 * A server that can't be reached yet is waited for, as long as one answer may take. What Redis itself refuses is final at
 * once: asking again would not change it.
 */
import { GenerationJobError } from '../../../errors.js';
import { isCluster, type RedisClient } from './client.js';
import type { RedisKeys } from './keys.js';
import type { RedisScripts } from './scripts.js';
import { causeOf, type RedisWord, wordOf } from './word.js';

const OLDEST_VERSION = 7;
/** The pause before a client that refuses what it can't send at once is asked again. */
const ASK_AGAIN_MS = 50;
/** Servers that are full, or can't save, still answer and follow: what they refuse is told when it is refused. */
const PASSING: readonly string[] = ['OOM', 'MISCONF'];

interface Asked {
  readonly client: RedisClient;
  readonly scripts: RedisScripts;
  readonly keys: RedisKeys;
  readonly timeoutMs: number;
}

/**
 * Waits for the server, and checks that this library can work with it.
 * @throws GenerationJobError `unavailable`, saying what Redis said, where, and what to do
 */
export async function checkServer(asked: Asked): Promise<void> {
  const { client, scripts, keys } = asked;
  await reach(asked);
  await checkVersion(client, scripts);
  try {
    await scripts.run('probe', keys.probe, []);
  } catch (error) {
    if (!PASSING.includes(wordOf(error).kind)) throw startError(client, error);
  }
}

/** Asks for the time until it is answered, refused, or too late. */
async function reach({ client, scripts, timeoutMs }: Asked): Promise<void> {
  const heard = new Heard(client);
  const until = performance.now() + timeoutMs;
  try {
    if (client.status === 'wait') client.connect?.().catch(() => {}); // `Heard` has it, and the next command says so
    for (;;) {
      try {
        await scripts.command('TIME');
        return;
      } catch (error) {
        const cause = isFinal(error) || heard.error === undefined ? error : heard.error;
        if (isFinal(cause) || client.status === 'end' || performance.now() >= until)
          throw startError(client, cause);
        await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
      }
    }
  } finally {
    heard.stop();
  }
}

/** The newest error that a client tells of its connections: what the command itself fails with says less. */
class Heard {
  error: unknown;
  readonly #client: RedisClient;

  constructor(client: RedisClient) {
    this.#client = client;
    client.on('error', this.#hear);
  }

  stop(): void {
    this.#client.off('error', this.#hear);
  }

  readonly #hear = (error: unknown) => {
    this.error = error;
  };
}

async function checkVersion(client: RedisClient, scripts: RedisScripts): Promise<void> {
  let text: string;
  try {
    text = String(await scripts.command('INFO', 'server'));
  } catch (error) {
    if (wordOf(error).kind === 'NOPERM') return; // the probe says whether what is needed is there
    throw startError(client, error);
  }
  const version = text.split('redis_version:')[1]?.split('\r')[0]?.trim();
  if (version === undefined || Number.parseInt(version, 10) >= OLDEST_VERSION) return;
  throw new GenerationJobError(
    'unavailable',
    `Redis${whereOf(client)} is version ${version}: use Redis ${OLDEST_VERSION}.0 or newer, or Valkey.`,
  );
}

/** The sentences by the kind of Redis' word, or by what else is said. */
const SENTENCES: readonly { readonly said: readonly string[]; readonly what: string }[] = [
  {
    said: ['WRONGPASS', 'without any password configured'],
    what: 'refuses the password: correct user and password of the client',
  },
  { said: ['NOAUTH'], what: 'asks for a password: give the client one' },
  {
    said: ['NOPERM', 'can’t run this command', "can't run this command"],
    what: 'denies a right: give its user those listed in docs/redis.md under "Rights"',
  },
  {
    said: ['READONLY'],
    what: 'is a copy that takes no writes: connect to the primary, or through Sentinel or Cluster',
  },
  { said: ['cluster support disabled'], what: 'is no cluster: use a plain client' },
  {
    said: ['MOVED', 'ASK', 'CLUSTERDOWN'],
    what: 'is a cluster, or part of one that is not whole: use a Cluster client, and see to its slots',
  },
  { said: ['LOADING'], what: 'is still loading its data: start again when it has' },
  { said: ['ECONNREFUSED'], what: 'refused the connection: start it, or correct host and port' },
  { said: ['ENOTFOUND', 'EAI_AGAIN'], what: 'has a host name that nobody knows: correct it' },
  {
    said: ['Connection is closed'],
    what: 'is not connected to, and the client has given up: give one that is open',
  },
];
/** A kind is a word of its own; what is longer may stand anywhere. */
const isSaid = (said: string, { kind, text }: RedisWord) =>
  said === kind || (said.length > 4 && text.includes(said));

/** Makes an error of what Redis, or the way to it, said; where; and what to do. */
export function startError(client: RedisClient, error: unknown): GenerationJobError {
  const word = wordOf(error);
  const known = SENTENCES.find(({ said }) => said.some((one) => isSaid(one, word)));
  const what = known?.what ?? 'did not answer in time: see to it, or raise timeoutMs';
  return new GenerationJobError('unavailable', `Redis${whereOf(client)} ${what} (${word.text}).`, {
    cause: causeOf(error),
  });
}

const FINAL: readonly string[] = ['WRONGPASS', 'NOAUTH', 'NOPERM', 'ERR', 'READONLY', 'MOVED'];

/** Says whether Redis itself said it: it would say the same again. */
export function isFinal(error: unknown): boolean {
  return FINAL.includes(wordOf(error).kind);
}

/** Host and port, never a user or a password. */
function whereOf(client: RedisClient): string {
  const { host, port, path, sentinels, name } = client.options ?? {};
  if (isCluster(client)) return '’s cluster';
  if (sentinels && sentinels.length > 0) return ` (${name ?? 'primary'} of ${sentinels.length} Sentinels)`;
  if (path) return ` at ${path}`;
  return host === undefined ? '' : ` at ${host}:${port ?? 6379}`;
}
