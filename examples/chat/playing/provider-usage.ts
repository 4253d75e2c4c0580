/**
 * The tokens a provider event reports as spent. Only events that close a response count: the running figures some
 * providers send before are parts of those, and adding them up would charge twice.
 */
import { field } from '../page/content/provider-text.js';

/** Token counts to add, or undefined for an event that closes nothing. */
export function providerUsage(event: unknown): Record<string, number> | undefined {
  const usage = closingUsage(event);
  const input = firstNumber(usage, ['input_tokens', 'prompt_tokens', 'total_input_tokens']);
  const output = firstNumber(usage, ['output_tokens', 'completion_tokens', 'total_output_tokens']);
  return input === undefined || output === undefined
    ? undefined
    : { input_tokens: input, output_tokens: output };
}

function closingUsage(event: unknown): unknown {
  switch (field(event, 'type') ?? field(event, 'event_type') ?? field(event, 'object')) {
    case 'response.completed':
    case 'response.incomplete':
      return field(field(event, 'response'), 'usage');
    case 'message_delta':
    case 'chat.completion.chunk':
      return field(event, 'usage');
    case 'interaction.completed':
      return field(field(event, 'interaction'), 'usage');
    default:
      return undefined;
  }
}

function firstNumber(usage: unknown, names: readonly string[]): number | undefined {
  return names.map((name) => field(usage, name)).find((value) => typeof value === 'number');
}
