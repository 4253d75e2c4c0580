/**
 * Standing decisions: what a person has allowed once for all calls like it, within bounds; their stores; and the port for a
 * store of the host's own.
 */
export type {
  ClearedPart,
  NewRule,
  NewRuleUse,
  RuleStore,
  SpendReply,
} from '../stream/interfaces/rule-store.js';
export type {
  ExactMatch,
  HostMatch,
  PrefixMatch,
  RememberInput,
  Rule,
  RuleArguments,
  RuleBounds,
  RuleInput,
  RuleMatch,
  RuleOrigin,
  RuleOwner,
  RuleScope,
  RuleUse,
  RuleUsePage,
} from '../stream/interfaces/rules.js';
export type {
  Decided,
  JobRules,
  RuleAnswer,
  RuleCall,
  StandingDecisions,
} from '../stream/interfaces/standing-rules.js';
export type { MatchedCall } from './allowing.js';
export {
  type AskedRule,
  createStandingDecisions,
  type StandingDecisionsInput,
} from './standing-decisions.js';
export { createMemoryRules, type MemoryRulesOptions } from './stores/memory.js';
export { createMongoRules, type MongoRulesOptions } from './stores/mongo.js';
export { createRedisRules, type RedisRulesOptions } from './stores/redis.js';
