/** Claude Code asks whether it may use a tool on its output, and is answered on its input. */
import type { Decision, Verdict } from '../../stream/model/types.js';
import { type Fields, fieldsOf, wordOf } from './line-fields.js';
import type { AgentQuestion } from './mapper.js';

/** Makes the question of a `can_use_tool` request. */
export function permissionQuestion(requestId: string, request: Fields): AgentQuestion {
  const callId = wordOf(request.tool_use_id) ?? requestId;
  const input = fieldsOf(request.input);
  const deny = (message: string) => responded(requestId, { behavior: 'deny', message });
  const description = wordOf(request.description) ?? wordOf(request.decision_reason);
  return {
    id: requestId,
    action: {
      type: 'tool_approval',
      requests: [
        {
          ...{ id: callId, name: wordOf(request.tool_name) ?? 'tool', arguments: input, description },
          allowedDecisions: ['approve', 'reject', 'edit', 'respond'],
        },
      ],
    },
    answer: ({ decisions }: Verdict) => {
      const decision = decisions.find(({ id }) => id === callId);
      switch (decision?.decision) {
        case 'approve':
          return responded(requestId, { behavior: 'allow', updatedInput: input });
        case 'edit':
          return responded(requestId, { behavior: 'allow', updatedInput: decision.arguments ?? {} });
        default:
          return deny(reasonOf(decision));
      }
    },
    refusal: deny,
  };
}

/** Makes the answer to a request that nobody here can do anything with. */
export function refusedRequest(requestId: string): string {
  const error = 'This client does not take such requests.';
  return lineOf({ subtype: 'error', request_id: requestId, error });
}

function reasonOf(decision: Decision | undefined): string {
  return decision?.text ?? decision?.reason ?? 'A person did not allow this call.';
}

function responded(requestId: string, response: object): string {
  return lineOf({ subtype: 'success', request_id: requestId, response });
}

function lineOf(response: object): string {
  return JSON.stringify({ type: 'control_response', response });
}
