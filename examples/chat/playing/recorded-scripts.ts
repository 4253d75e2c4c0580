/**
 * The recordings as scripts. Most just play. Two of them end with a tool call that waits for approval, and were
 * continued, in the recording, by another one: these ask, and go on with the other when the call may be made.
 */
import type { Decision, HostEvent, Resolution } from 'generation-jobs';
import { field, text } from '../page/content/provider-text.js';
import { type AskedRequest, decisionText } from './decision-text.js';
import type { Recording } from './recordings.js';
import { type Script, textEvent } from './scripts.js';

/** What was recorded after the approval was decided, by what asked for it. */
const CONTINUED_BY: Readonly<Record<string, string>> = {
  'openai-responses.mcp-approval.1': 'openai-responses.mcp-approval.2',
  'openai-responses.mcp-approval.3': 'openai-responses.mcp-approval.4',
};

/** By the recordings' names. @throws Error when a recording that is said to ask for approval doesn't */
export function recordedScripts(recordings: ReadonlyMap<string, Recording>): ReadonlyMap<string, Script> {
  const scripts = [...recordings].map(([name, recording]): [string, Script] => {
    const next = CONTINUED_BY[name];
    const events = recording.map(providerEvent);
    if (next === undefined) return [name, { run: { recording: name }, after: () => ({ events }) }];
    const request = approvalIn(recording);
    const rest = (recordings.get(next) ?? []).map(providerEvent);
    const script: Script = {
      run: { recording: name, continuedBy: next },
      after: ([resolution]) =>
        resolution
          ? { events: continuation(request, decisionOn(resolution), rest) }
          : { events, ask: { type: 'tool_approval', requests: [request] } },
    };
    return [name, script];
  });
  return new Map(scripts);
}

/** An event of the provider, whole. */
export function providerEvent(data: unknown): HostEvent {
  return { event: 'provider', data };
}

function continuation(
  request: AskedRequest,
  decision: Decision,
  rest: readonly HostEvent[],
): readonly HostEvent[] {
  switch (decision.decision) {
    case 'approve':
      return rest;
    case 'edit':
      return [textEvent(decisionText(request, decision)), ...rest];
    case 'reject':
    case 'respond':
      return [textEvent(decisionText(request, decision))];
    default:
      return decision.decision satisfies never;
  }
}

function decisionOn({ decisions: [decision] }: Resolution): Decision {
  if (decision === undefined) throw new Error('the approval was decided without a decision');
  return decision;
}

/** The call that waits, as the provider reports it, with what its server says the tool does. */
export function approvalIn(recording: Recording): AskedRequest {
  const items = recording
    .filter((event) => field(event, 'type') === 'response.output_item.done')
    .map((event) => field(event, 'item'));
  const call = items.find((item) => field(item, 'type') === 'mcp_approval_request');
  if (call === undefined) throw new Error('the recording asks for no approval');
  const [id, name] = [text(field(call, 'id')), text(field(call, 'name'))];
  const tools = items.map((item) => field(item, 'tools')).find(Array.isArray) ?? [];
  const description = text(
    field(
      tools.find((tool) => field(tool, 'name') === name),
      'description',
    ),
  );
  return {
    id,
    name,
    description,
    arguments: JSON.parse(text(field(call, 'arguments'))),
    allowedDecisions: ['approve', 'reject', 'edit', 'respond'],
  };
}
