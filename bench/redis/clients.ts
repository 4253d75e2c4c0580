/** The client every contender uses: ioredis as it comes, and on a cluster with subscriptions on the streams' shards. */
import { Cluster, Redis } from 'ioredis';
import type { RunSetup } from './messages.js';

const HOST = '127.0.0.1';

export function connect({ port, cluster }: Pick<RunSetup, 'port' | 'cluster'>): Redis | Cluster {
  return cluster
    ? new Cluster([{ host: HOST, port }], { shardedSubscribers: true })
    : new Redis({ port, host: HOST });
}
