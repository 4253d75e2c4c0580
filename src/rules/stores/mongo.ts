/**
 * Rules in MongoDB, through the connection the host's mongoose has. A rule is one document, so that spending a use is one
 * update of it: what is left of the budget, and the names of the newest uses. What is listed of a use is a document of its own,
 * written after that and before the answer: of every use that was answered there is one, and what a crash leaves out is written when the
 * use is asked for again. Both go by an index when their time is over.
 *
 * MongoDB counts across documents in no one step, so an owner may come to have a few rules more than `most` when they are given at
 * the same moment.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type Clock, systemClock } from '../../clock.js';
import { GenerationJobError, isGenerationJobError } from '../../errors.js';
import {
  type Client,
  type Collection,
  type Database,
  type Document,
  deleteAll,
  isDuplicate,
  type MongooseLike,
} from '../../mongo-shapes.js';
import { warnIfUntested } from '../../peer-versions.js';
import type {
  ClearedPart,
  NewRule,
  NewRuleUse,
  RuleStore,
  SpendReply,
} from '../../stream/interfaces/rule-store.js';
import type { Rule, RuleOwner, RuleUse } from '../../stream/interfaces/rules.js';
import { clockSchema, having } from '../../stream/model/host-values.js';
import { parseStrictly } from '../../stream/model/strict.js';
import { handOutMethods, NO_MANAGER } from '../../stream/process/handed-out.js';
import {
  KEPT_USES,
  openTextOfRule,
  openTextOfUse,
  REVOKED_MS,
  ruleIn,
  USES_KEPT_MS,
  useIn,
} from './kept-rules.js';
import { MongoTime } from './mongo-time.js';

export interface MongoRulesOptions {
  /** `mongoose.connection`, opened before the store is used. */
  readonly mongo: MongooseLike;
  /** The database. Default: the connection's. */
  readonly dbName?: string | undefined;
  /** The collection of rules; their uses are in `<collection>_uses`. Default `rules`. */
  readonly collection?: string | undefined;
  /** The monotonic clock beside the server's own. Default: the system’s. */
  readonly clock?: Clock | undefined;
}

const optionsSchema = z.strictObject({
  mongo: having('a connection of mongoose', 'getClient'),
  dbName: z.string().min(1).optional(),
  collection: z.string().min(1).max(100).optional(),
  clock: clockSchema.optional(),
});

/** A budget that has no bound has so much left: no rule is used so often. */
const NO_BUDGET = Number.MAX_SAFE_INTEGER;
/** Uses beyond those that are kept are looked for once in so many uses of a rule. */
const USES_BETWEEN_TRIMS = 100;
/** Each one more needs somebody who changes the rule between two steps of ours. */
const MOST_TRIES = 5;

/**
 * Makes a store in MongoDB. Its indexes are made when it is first used.
 * @throws GenerationJobError `invalid_options`
 * @example
 * const rules = createStandingDecisions({ store: createMongoRules({ mongo: mongoose.connection }) });
 */
export function createMongoRules(options: MongoRulesOptions): RuleStore {
  return new MongoRules(options);
}

interface Opened {
  readonly database: Database;
  readonly rules: Collection;
  readonly uses: Collection;
}

class MongoRules implements RuleStore {
  static {
    const methods = ['add', 'list', 'revoke', 'spend', 'uses', 'clear'] as const;
    handOutMethods(MongoRules.prototype, methods, () => NO_MANAGER);
  }

  readonly #options: MongoRulesOptions;
  readonly #time: MongoTime;
  #opened: Promise<Opened> | undefined;
  /** The time of the last use kept here: those of one process stand in their order. */
  #lastUseAt = 0;

  constructor(options: MongoRulesOptions) {
    parseStrictly('invalid_options', optionsSchema, options, 'options');
    this.#options = options;
    this.#time = new MongoTime(options.clock ?? systemClock);
    warnIfUntested('mongoose', options.mongo.base?.version);
  }

  add(owner: RuleOwner, rule: NewRule, most: number): Promise<Rule | 'full' | 'revoked'> {
    return this.#ask(async ({ rules }, now) => {
      const whose = whoseOf(owner);
      await deleteAll(rules, { ...whose, expiresAt: { $lte: new Date(now) } });
      const _id = idOf(owner, rule.ruleId);
      const known = await rules.findOne({ _id }, WITHOUT_NAMES);
      if (known) return standing(known, owner);
      const others = await rules.find({ ...whose, ...NOT_REVOKED }, ID_ONLY).toArray();
      if (others.length >= most) return 'full';
      const added = {
        ...{ _id, ...whose, isRevoked: false, conversation: rule.conversationId ?? '', used: 0, names: [] },
        ...{ left: rule.budget ?? NO_BUDGET, budget: rule.budget ?? null },
        expiresAt: new Date(now + rule.expiresInMs),
        json: `${openTextOfRule(rule)},"givenAt":${now}}`,
      };
      try {
        await rules.insertOne(added);
        return standing(added, owner);
      } catch (error) {
        if (!isDuplicate(error)) throw error;
      }
      return standing((await rules.findOne({ _id }, WITHOUT_NAMES)) ?? added, owner);
    });
  }

  list(owner: RuleOwner): Promise<readonly Rule[]> {
    return this.#ask(async ({ rules }, now) => {
      const filter = { ...whoseOf(owner), ...NOT_REVOKED, expiresAt: { $gt: new Date(now) } };
      const found = await rules.find(filter, WITHOUT_NAMES).toArray();
      return found.flatMap((document) => decodeRule(document, owner) ?? []);
    });
  }

  revoke(owner: RuleOwner, ruleId: string): Promise<boolean> {
    return this.#ask(async ({ rules }, now) => {
      const filter = { _id: idOf(owner, ruleId), ...NOT_REVOKED };
      const mark = { isRevoked: true, expiresAt: new Date(now + REVOKED_MS), json: '', names: [] };
      const before = await rules.findOneAndUpdate(filter, { $set: mark }, { projection: { expiresAt: 1 } });
      return timeOf(before?.expiresAt) > now;
    });
  }

  spend(owner: RuleOwner, ruleId: string, use: NewRuleUse): Promise<SpendReply> {
    return this.#ask(async (opened, now) => {
      const _id = idOf(owner, ruleId);
      const stands = { _id, ...NOT_REVOKED, expiresAt: { $gt: new Date(now) } };
      const count = {
        $inc: { used: 1, left: -1 },
        $push: { names: { $each: [use.name], $slice: -KEPT_USES } },
      };
      for (let tries = 0; tries < MOST_TRIES; tries++) {
        const free = { ...stands, names: { $ne: use.name }, left: { $gt: 0 } };
        const before = await opened.rules.findOneAndUpdate(free, count, { projection: { used: 1 } });
        if (before) {
          if (!(await this.#keep(opened, owner, use, now))) return 'gone';
          if (Number(before.used) % USES_BETWEEN_TRIMS === 0) await trim(opened, owner);
          return 'spent';
        }
        const there = await opened.rules.findOne(stands, { projection: { names: 1, left: 1 } });
        if (there === null) return 'gone';
        if (Array.isArray(there.names) && there.names.includes(use.name)) {
          return (await this.#keep(opened, owner, use, now)) ? 'known' : 'gone';
        }
        if (!(Number(there.left) > 0)) return 'used_up';
      }
      throw new GenerationJobError('unavailable', 'Others changed the rule all the time.');
    });
  }

  uses(
    owner: RuleOwner,
    { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
  ): Promise<{ readonly uses: readonly RuleUse[]; readonly next?: string | undefined }> {
    return this.#ask(async ({ uses }) => {
      const [at = '', key = ''] = cursor?.split('.', 2) ?? [];
      const older =
        cursor === undefined
          ? {}
          : { $or: [{ at: { $lt: Number(at) } }, { at: Number(at), key: { $lt: key } }] };
      const sorted = { projection: { at: 1, key: 1, json: 1 }, sort: { at: -1, key: -1 }, limit: limit + 1 };
      const found = await uses.find({ ...whoseOf(owner), ...older }, sorted).toArray();
      const page = found.slice(0, limit);
      const last = page.at(-1);
      const listed = page.flatMap(({ json }) => useIn(json) ?? []);
      return found.length > limit && last
        ? { uses: listed, next: `${last.at}.${last.key}` }
        : { uses: listed };
    });
  }

  clear(owner: RuleOwner, part: ClearedPart = {}): Promise<void> {
    return this.#ask(async ({ rules, uses }) => {
      const { userId, conversationId } = part;
      const conversation = conversationId === undefined ? {} : { conversation: conversationId };
      const whose = whoseOf(owner);
      if (userId === undefined || userId === owner.userId)
        await deleteAll(rules, { ...whose, ...conversation });
      await deleteAll(uses, { ...whose, ...conversation, ...(userId !== undefined && { usedBy: userId }) });
    });
  }

  /** Keeps what is listed of a use, unless it is kept. Says whether its rule is still there: what goes with it leaves no use. */
  async #keep({ rules, uses }: Opened, owner: RuleOwner, use: NewRuleUse, now: number): Promise<boolean> {
    const at = Math.max(now, this.#lastUseAt + 1);
    this.#lastUseAt = at;
    const document = {
      ...{ ...whoseOf(owner), key: use.name, usedBy: use.userId, conversation: use.conversationId },
      ...{ at, until: new Date(at + USES_KEPT_MS), json: `${openTextOfUse(use)},"at":${at}}` },
    };
    const _id = idOf(owner, use.ruleId, use.name);
    try {
      await uses.findOneAndUpdate({ _id }, { $setOnInsert: document }, { upsert: true, ...ID_ONLY });
    } catch (error) {
      if (!isDuplicate(error)) throw error; // another one of the same name has kept it
    }
    // Who clears deletes rules first: while this one is there, its uses are still to be deleted.
    if ((await rules.findOne({ _id: idOf(owner, use.ruleId) }, ID_ONLY)) !== null) return true;
    await deleteAll(uses, { _id });
    return false;
  }

  async #ask<Answer>(work: (opened: Opened, now: number) => Promise<Answer>): Promise<Answer> {
    try {
      const opened = await this.#open();
      return await work(opened, await this.#time.now(opened.database));
    } catch (cause) {
      if (isGenerationJobError(cause)) throw cause;
      throw new GenerationJobError('unavailable', 'The store of rules failed.', { cause });
    }
  }

  async #open(): Promise<Opened> {
    this.#opened ??= this.#openNow();
    try {
      return await this.#opened;
    } catch (error) {
      this.#opened = undefined;
      throw error;
    }
  }

  async #openNow(): Promise<Opened> {
    const { mongo, dbName = mongo.name, collection = 'rules' } = this.#options;
    const client = mongo.getClient() as Client | undefined;
    if (!client) throw new GenerationJobError('unavailable', 'The mongoose connection was never opened.');
    // What was revoked must stay so through a change of the primary.
    const database = client.db(dbName, { writeConcern: { w: 'majority' }, readPreference: 'primary' });
    const [rules, uses] = [database.collection(collection), database.collection(`${collection}_uses`)];
    await rules.createIndex({ tenant: 1, user: 1 });
    await rules.createIndex({ expiresAt: 1 }, { expireAfterSeconds: 0 });
    await uses.createIndex({ tenant: 1, user: 1, at: -1, key: -1 });
    await uses.createIndex({ until: 1 }, { expireAfterSeconds: 0 });
    return { database, rules, uses };
  }
}

const ID_ONLY = { projection: { _id: 1 } };
const WITHOUT_NAMES = { projection: { names: 0 } };
const NOT_REVOKED = { isRevoked: false };

/** A document's owner: no user id is empty. */
function whoseOf({ tenantId = '', userId = '' }: RuleOwner): {
  readonly tenant: string;
  readonly user: string;
} {
  return { tenant: tenantId, user: userId };
}

/** Ids of documents have a bound, and a rule's id with its owner's may be long. */
function idOf({ tenantId = '', userId = '' }: RuleOwner, ...names: readonly string[]): string {
  return createHash('sha256')
    .update(JSON.stringify([tenantId, userId, ...names]))
    .digest('base64url');
}

function standing(document: Document, owner: RuleOwner): Rule | 'revoked' {
  if (document.isRevoked === true) return 'revoked';
  const rule = decodeRule(document, owner);
  if (rule !== undefined) return rule;
  throw new GenerationJobError('store_damaged', 'MongoDB has a rule of this id that can’t be read.');
}

/** Undefined for what can't be read. */
function decodeRule({ json, expiresAt, budget, used }: Document, owner: RuleOwner): Rule | undefined {
  const bound = typeof budget === 'number' ? { budget } : {};
  return ruleIn(json, owner, { expiresAt: timeOf(expiresAt), used: Number(used) || 0, ...bound });
}

function timeOf(value: unknown): number {
  return value instanceof Date ? value.getTime() : 0;
}

/** Deletes the uses of an owner that are not among the newest. */
async function trim({ uses }: Opened, owner: RuleOwner): Promise<void> {
  const whose = whoseOf(owner);
  const beyond = { projection: { at: 1 }, sort: { at: -1, key: -1 }, skip: KEPT_USES, limit: 1 };
  const [newest] = await uses.find(whose, beyond).toArray();
  if (newest) await deleteAll(uses, { ...whose, at: { $lte: newest.at } });
}
