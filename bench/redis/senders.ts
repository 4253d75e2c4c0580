/**
 * The contenders' producer side. Each takes tokens as fast as it is given them and tells how many Redis has answered for.
 *
 * - `publish`    a bare PUBLISH: stores nothing, the least any notification costs
 * - `per-token`  the usual way: for each token an awaited script (XADD, EXPIRE), an awaited INCR for its number and an
 *                awaited PUBLISH
 * - `ours`       `job.emit`
 */
import { createStreamServices, type GenerationJob, GenerationJobManager } from 'generation-jobs';
import type { Redis } from 'ioredis';
import { connect } from './clients.js';
import type { ContenderName, RunSetup } from './messages.js';
import type { Token } from './tokens.js';

interface Sender {
  /** Prepares so many streams. */
  open(streams: number): Promise<void>;
  send(stream: number, token: Token): void;
}

type MakeSender = (setup: RunSetup, onStored: (tokens: number) => void) => Sender;

export const senders: Record<ContenderName, MakeSender> = {
  publish(setup, onStored) {
    const client = connect(setup) as Redis;
    const stored = () => onStored(1);
    return {
      open: async () => void (await client.ping()),
      send: (stream, token) => void client.publish(channelOf(stream), JSON.stringify(token)).then(stored),
    };
  },

  'per-token'(setup, onStored) {
    const client = connect(setup) as Redis;
    let append = '';
    const send = async (stream: number, token: Token) => {
      const text = JSON.stringify(token);
      await client.evalsha(append, 1, `log:{${streamIdOf(stream)}}`, text, LIFETIME_SECONDS);
      const number = await client.incr(`number:{${streamIdOf(stream)}}`);
      await client.publish(channelOf(stream), `{"type":"chunk","number":${number},"data":${text}}`);
      onStored(1);
    };
    return {
      open: async () => {
        append = (await client.script('LOAD', APPEND_AND_EXPIRE)) as string;
      },
      send: (stream, token) => void send(stream, token),
    };
  },

  ours(setup, onStored) {
    const manager = new GenerationJobManager({
      ...createStreamServices({ redis: connect(setup) }),
      observer: { committed: onStored },
      options: { limits: NO_LIMITS },
    });
    const jobs: GenerationJob[] = [];
    return {
      async open(streams) {
        for (let stream = 0; stream < streams; stream++) {
          const created = await manager.createJob({ streamId: streamIdOf(stream), userId: 'bench' });
          if (!created.started) throw new Error('not started');
          jobs.push(created.job);
        }
      },
      send: (stream, token) => void jobs[stream]?.emit({ event: 'text-delta', data: token }),
    };
  },
};

export function channelOf(stream: number): string {
  return `live:{${streamIdOf(stream)}}`;
}

export function streamIdOf(stream: number): string {
  return `stream-${stream}`;
}

const LIFETIME_SECONDS = 1200;
const APPEND_AND_EXPIRE = `redis.call('XADD', KEYS[1], '*', 'event', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1`;
/** More than any run sends: no conversation is as long as a stream at full speed. */
const MANY = 2 ** 32;
const NO_LIMITS = {
  generationEvents: MANY,
  generationBytes: MANY,
  unsnapshottedEvents: MANY,
  unsnapshottedBytes: MANY,
};
