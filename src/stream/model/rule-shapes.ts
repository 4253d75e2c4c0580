/** The shapes that rules and what is remembered of a decision share, as a host writes them out. */
import { z } from 'zod';
import { SECOND } from '../../clock.js';
import { LONGEST_DURATION_MS } from './host-values.js';
import { isIdText } from './stream-key.js';

const LONGEST_ID = 256;
const LONGEST_CONVERSATION_ID = 1_024;
/** A use of a rule with a budget is known until the budget is spent, so the stores keep so many names. */
const MOST_BUDGET = 1_000;
/** The most requests of an action. */
const MOST_REQUESTS = 64;

const textOf = (most: number) =>
  z.string().refine((text) => isIdText(text, most), `must have 1 to ${most} well-formed characters`);

export const ruleText = textOf(LONGEST_ID);
export const conversationText = textOf(LONGEST_CONVERSATION_ID);
export const ruleScope = z.enum(['conversation', 'user', 'tenant']);
export const ruleExpiryMs = z.number().int().min(SECOND).max(LONGEST_DURATION_MS);
export const ruleBounds = {
  expiresInMs: ruleExpiryMs.optional(),
  budget: z.number().int().min(1).max(MOST_BUDGET).optional(),
};

/** The shape of what `remember` says. */
export const rememberSchema = z.strictObject({
  ...ruleBounds,
  scope: ruleScope,
  requests: z.array(ruleText).max(MOST_REQUESTS).optional(),
  conversationId: conversationText.optional(),
});
