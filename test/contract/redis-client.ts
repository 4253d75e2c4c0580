/**
 * What a client library can change: how a command is sent, how its reply is read, and what becomes of both when a link
 * breaks. So the store's contract, which makes every call, and what the transport promises about frames run through each
 * library; each kind of link is broken, and the server's scripts are forgotten. What managers make of a store's answers
 * is the same whoever brought them: that runs through ioredis 6, on one server, and with LONG_TESTS (`npm run test:long`)
 * through every library.
 *
 * That nothing is left out is checked and not listed: at the end each script has gone through the library.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRedisRules } from '../../src/rules/index.js';
import type { RedisClient } from '../../src/stream/implementations/redis/client.js';
import { RedisJobStore } from '../../src/stream/implementations/redis/job-store.js';
import { RedisProxy } from '../support/redis-proxy.js';
import { RedisServer } from '../support/redis-server.js';
import { describeStoreContract, describeStreamContract, type Subject } from './describe.js';
import { text } from './follower.js';
import { AT_ONCE_MS, type Contract, runContract } from './harness.js';
import { redisBackend } from './redis.js';
import { describeRuleStoreContract, type RuleBackend } from './rules.js';
import { scriptsMissing, watched } from './scripts-sent.js';
import { SIDE_BY_SIDE } from './vitest-tools.js';

/** The subjects in which the transport, and so the subscriber's link, is what is tried. */
const SUBJECTS: readonly Subject[] = ['Follow', 'Lost and late frames'];

/** So long that whatever arrives has been told by a frame. */
const POLLS_SELDOM = { logPollMs: 60_000 };

/** @param connect makes a client of the library as a host would */
export function describeClientLibrary(name: string, connect: (port: number) => RedisClient): void {
  let server: RedisServer;
  const sent = new Set<string>();
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());

  const factory = () => redisBackend(() => watched(connect(server.port), sent));
  describeStoreContract(name, factory, SIDE_BY_SIDE);
  const subjects = process.env.LONG_TESTS ? undefined : SUBJECTS;
  describeStreamContract(name, factory, SIDE_BY_SIDE, subjects);
  let backends = 0;
  const rules = async () => ruleBackend(() => watched(connect(server.port), sent), `rules-${++backends}:`);
  describeRuleStoreContract(name, rules, SIDE_BY_SIDE);

  describe(`Links that break, on ${name}`, () => {
    for (const { title, run } of BREAKS) {
      it(title, async () => {
        const proxy = await RedisProxy.start(server.port);
        const contract: Contract = { id: 'F8', title, run: (h) => run(h, proxy, server) };
        await runContract(contract, () => redisBackend(() => watched(connect(proxy.port), sent)));
        await proxy.close();
      });
    }

    it('every script has gone through it', async () => {
      const client = watched(connect(server.port), sent);
      await new RedisJobStore(client).raiseFormat(1); // the one call that is no part of the store's port
      client.disconnect();
      expect(scriptsMissing(sent)).toEqual([]);
    });
  });
}

function ruleBackend(connect: () => RedisClient, keyPrefix: string): RuleBackend {
  const clients: RedisClient[] = [];
  return {
    connect: () => {
      const redis = connect();
      clients.push(redis);
      return createRedisRules({ redis, keyPrefix, timeoutMs: 20_000 });
    },
    soonMs: 4_000,
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    dispose: async () => {
      for (const client of clients) client.disconnect();
    },
  };
}

interface Break {
  readonly title: string;
  run(h: Parameters<Contract['run']>[0], proxy: RedisProxy, server: RedisServer): Promise<void>;
}

const BREAKS: readonly Break[] = [
  {
    title: 'a reply that is lost with its link costs time, and what was under way is done once',
    async run(h, proxy) {
      const [one, two] = await h.two();
      const job = await h.start(one);
      const follower = h.follow(two);
      const loss = proxy.loseReplies((request) => request.includes('\ntext\t'), 3);
      for (let n = 0; n < 20; n++) {
        job.emit(text(n));
        await h.soon(job.flush(), 'it is stored', 10_000);
      }
      await h.soon(job.complete(), 'it ends', 10_000);
      expect(loss.lost).toBe(3);
      const texts = (await h.finished(follower)).filter(({ event }) => event === 'text');
      expect(texts).toEqual(Array.from({ length: 20 }, (_, n) => expect.objectContaining(text(n))));
    },
  },
  {
    title: 'a subscriber’s link that breaks is made anew, and frames and signals arrive again',
    async run(h, proxy) {
      const [one, two] = await h.two({ options: POLLS_SELDOM });
      const job = await h.start(one);
      const follower = h.follow(two);
      await h.until(() => follower.events.length > 0, 'it follows');
      for (let round = 1; round <= 3; round++) {
        const before = proxy.links;
        proxy.cut('links');
        await h.until(() => proxy.links === before, 'the links are there again', 10_000);
        job.emit(text(round));
        await h.until(() => follower.names.length === 1 + round, 'an event after the break', 10_000);
      }
      await two.manager.abortJob('s');
      await h.until(() => job.isOver, 'the producer is told', AT_ONCE_MS);
      expect(await h.finished(follower)).toEqual(await h.log());
    },
  },
  {
    title: 'scripts that the server has forgotten are sent again, and nobody sees it',
    async run(h, _proxy, server) {
      const [one, two] = await h.two();
      const admin = server.connect();
      const job = await h.start(one);
      const follower = h.follow(two);
      for (let n = 0; n < 10; n++) {
        await admin.script('FLUSH');
        job.emit(text(n));
        await h.soon(job.flush(), 'it is stored');
      }
      await job.complete();
      admin.disconnect();
      expect(await h.finished(follower)).toEqual(await h.log());
      expect(follower.names).toHaveLength(12);
    },
  },
];
