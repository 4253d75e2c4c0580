/** Standing decisions are counted by what came of each. */
import { RULE_USE_OUTCOMES, type StreamObserver } from '../stream/interfaces/observer.js';
import type { Makers } from './makers.js';

export function observeRules(make: Makers) {
  const uses = make.counterBy(
    'rule_uses_total',
    'Calls that a rule was to allow in this process, by what came of it',
    'outcome',
    RULE_USE_OUTCOMES,
  );
  return { ruleUsed: (outcome) => uses(outcome) } satisfies Partial<StreamObserver>;
}
