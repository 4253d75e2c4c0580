/**
 * Which of the store's scripts have gone through a client: that a run of contracts leaves none out is checked and not listed.
 */
import { createHash } from 'node:crypto';
import type { RedisClient } from '../../src/stream/implementations/redis/client.js';
import { REDIS_SCRIPTS } from '../../src/stream/implementations/redis/scripts.generated.js';

/** The client itself, which from now on tells the digest of each script that it is asked to run. */
export function watched(client: RedisClient, sent: Set<string>): RedisClient {
  client.on('error', () => {}); // told by what fails
  const evalsha = client.evalsha.bind(client);
  client.evalsha = (sha, ...rest) => {
    sent.add(sha);
    return evalsha(sha, ...rest);
  };
  return client;
}

/** The names of the scripts of which nothing was sent, in the form for one server or in that for sharded subscribers. */
export function scriptsMissing(sent: ReadonlySet<string>): string[] {
  return Object.entries(REDIS_SCRIPTS).flatMap(([name, text]) => {
    const forms = [text, text.replaceAll("'PUBLISH'", "'SPUBLISH'")];
    return forms.some((form) => sent.has(digestOf(form))) ? [] : [name];
  });
}

function digestOf(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}
