/** What content models make of a call that a rule has allowed: nothing. It is in the log, and no part of the answer. */
import type { ContentModel } from 'generation-jobs';
import { anthropicContent } from 'generation-jobs/anthropic';
import { graphContent, messageContent, textContent, uiMessageContent } from 'generation-jobs/content';
import { chatCompletionsContent, responsesContent } from 'generation-jobs/openai';
import { expect, it } from 'vitest';

const models = [
  ...[textContent(), graphContent(), messageContent(), uiMessageContent()],
  ...[chatCompletionsContent(), responsesContent(), anthropicContent()],
] as unknown as readonly ContentModel[];

const used = {
  ...{ ruleId: 'r', tool: 'send_mail', callId: 'call-1', scope: 'user', givenBy: 'ann', givenAt: 1 },
  // As a careless host's would be: names that a model knows.
  ...{ text: 'x', type: 'text-delta', delta: 'x', id: 'x' },
};

it.each(models)('L154 $name passes by the event of a rule', ({ initial, fold }) => {
  const event = { event: 'rule_used', data: used, sequence: 2, attempt: 1 };
  const before = JSON.stringify(initial());
  expect(JSON.stringify(fold(initial() as never, event as never))).toBe(before);
});
