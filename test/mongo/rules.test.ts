/** Rules in MongoDB, through real clients. */
import { createMongoRules, type RuleStore } from 'generation-jobs/rules';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { describeRuleStoreContract, newRule, newUse } from '../contract/rules.js';
import { TOOLS } from '../contract/vitest-tools.js';
import { dbName, startMongo, type TestMongo } from '../support/mongo.js';
import { CLIENTS, type Connection } from './clients.js';

const ANN = { tenantId: 't', userId: 'ann' };
const DAY = 24 * 3_600_000;

describe.each(CLIENTS)('rules through $name', ({ name, mongoose }) => {
  const database = dbName();
  let mongo: TestMongo;
  let connections: Connection[];
  let collections = 0;

  beforeAll(async () => {
    mongo = await startMongo();
    const connect = () => mongoose.createConnection(mongo.uri, { dbName: database }).asPromise();
    connections = [await connect(), await connect()];
  });

  afterAll(async () => {
    await connections[0]?.dropDatabase();
    await Promise.all(connections.map((connection) => connection.close()));
    await mongo.stop();
  });

  describeRuleStoreContract(
    name,
    async () => {
      const collection = `rules_${++collections}`;
      let connected = 0;
      return {
        connect: () =>
          createMongoRules({
            mongo: connections[connected++ % connections.length] as Connection,
            collection,
          }),
        soonMs: 2_000,
        pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
        dispose: async () => {},
      };
    },
    TOOLS,
  );

  describe('in MongoDB', () => {
    let collection: string;
    let rules: RuleStore;
    const native = (of = collection) => {
      const { db } = connections[0] as Connection;
      if (!db) throw new Error('not open');
      return db.collection(of);
    };

    beforeEach(() => {
      collection = `rules_${++collections}`;
      rules = createMongoRules({ mongo: connections[0] as Connection, collection });
    });

    it('L151 rules and uses go by themselves when their time is over', async () => {
      const added = await rules.add(ANN, newRule('r-1', { expiresInMs: 5 * DAY }), 9);
      await rules.spend(ANN, 'r-1', newUse('r-1', 'u-1'));
      const [rule, use] = [await native().findOne({}), await native(`${collection}_uses`).findOne({})];
      expect(rule?.expiresAt).toEqual(new Date((added as { expiresAt: number }).expiresAt));
      expect(use?.until.getTime()).toBe(use?.at + 30 * DAY);
      const indexes = [await native().indexes(), await native(`${collection}_uses`).indexes()].flat();
      const gone = indexes.filter(({ expireAfterSeconds }) => expireAfterSeconds === 0);
      expect(gone.map(({ key }) => key)).toEqual([{ expiresAt: 1 }, { until: 1 }]);
    });

    it('L152 what a crash has left out of the listed uses is written when the use is asked for again', async () => {
      await rules.add(ANN, newRule('r-1', { budget: 1 }), 9);
      await rules.spend(ANN, 'r-1', newUse('r-1', 'u-1'));
      await native(`${collection}_uses`).deleteMany({});
      expect(await rules.spend(ANN, 'r-1', newUse('r-1', 'u-1'))).toBe('known');
      expect((await rules.uses(ANN, { limit: 9 })).uses).toMatchObject([{ callId: 'u-1' }]);
      expect(await rules.list(ANN)).toMatchObject([{ used: 1 }]);
    });

    it('L152 about 1,000 uses are kept, the newest', async () => {
      await rules.add(ANN, newRule('r-1'), 9);
      const whose = { tenant: 't', user: 'ann', usedBy: 'ann', conversation: 'c', until: new Date() };
      const old = Array.from({ length: 1_005 }, (_, at) => ({ ...whose, at, key: `k-${at}`, json: '{}' }));
      await native(`${collection}_uses`).insertMany(old);
      await rules.spend(ANN, 'r-1', newUse('r-1', 'u-1'));
      expect(await native(`${collection}_uses`).countDocuments({})).toBe(1_000);
      expect((await rules.uses(ANN, { limit: 1 })).uses).toMatchObject([{ callId: 'u-1' }]);
    });

    it('F57 losing the connection before or after a command spends a use once', async () => {
      await rules.add(ANN, newRule('r-1', { budget: 2 }), 9);
      for (const [at, when] of (['before', 'after'] as const).entries()) {
        const use = newUse('r-1', `u-${at}`);
        mongo.server?.dropNext('findAndModify', when);
        const first = await rules.spend(ANN, 'r-1', use).catch(({ code }) => code);
        expect(['spent', 'known', 'unavailable']).toContain(first);
        expect(await rules.spend(ANN, 'r-1', use)).toMatch(/^(spent|known)$/);
        expect(await rules.list(ANN)).toMatchObject([{ used: at + 1 }]);
      }
      expect(await rules.spend(ANN, 'r-1', newUse('r-1', 'u-9'))).toBe('used_up');
      expect((await rules.uses(ANN, { limit: 9 })).uses).toHaveLength(2);
    });

    it('F57 a rule that can’t be read is not listed, and a connection that was never opened is unavailable', async () => {
      await rules.add(ANN, newRule('r-1'), 9);
      for (const json of ['', 'x', '{}', 7]) {
        await native().updateOne({}, { $set: { json } });
        expect(await rules.list(ANN)).toEqual([]);
      }
      await expect(rules.add(ANN, newRule('r-1'), 9)).rejects.toMatchObject({ code: 'store_damaged' });
      const closed = createMongoRules({ mongo: mongoose.createConnection(), collection });
      await expect(closed.list(ANN)).rejects.toMatchObject({ code: 'unavailable' });
    });
  });
});
