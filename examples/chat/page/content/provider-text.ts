/**
 * The visible text one provider event adds to the answer, for the four stream formats the example meets. Pure, so the
 * server's fold and the page's fold can't differ: an answer's text is these pieces joined, with nothing added between
 * and nothing trimmed. Reasoning, tool arguments and repeated whole texts (`…done` events) add nothing.
 */

/** OpenAI chat completion chunks, OpenAI responses, Anthropic messages, Google interactions; '' for anything else. */
export function providerText(event: unknown): string {
  return text(chatChunkText(event) ?? responsesText(event) ?? anthropicText(event) ?? googleText(event));
}

/** `value[key]`, or undefined when there is no such thing. Shared by all who look into provider events. */
export function field(value: unknown, key: string | number): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Record<string | number, unknown>)[key]
    : undefined;
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function chatChunkText(event: unknown): unknown {
  return field(field(field(field(event, 'choices'), 0), 'delta'), 'content');
}

function responsesText(event: unknown): unknown {
  const type = field(event, 'type');
  const isVisible = type === 'response.output_text.delta' || type === 'response.refusal.delta';
  return isVisible ? field(event, 'delta') : undefined;
}

function anthropicText(event: unknown): unknown {
  const delta = field(event, 'delta');
  const isText = field(event, 'type') === 'content_block_delta' && field(delta, 'type') === 'text_delta';
  return isText ? field(delta, 'text') : undefined;
}

function googleText(event: unknown): unknown {
  const delta = field(event, 'delta');
  const isText = field(event, 'event_type') === 'step.delta' && field(delta, 'type') === 'text';
  return isText ? field(delta, 'text') : undefined;
}
