/** A part of a message that says nothing by itself: a message of such parts alone is not worth keeping. */
import type { ContentPart, ToolCall } from './graph-content.js';

/** Says whether nobody would miss the part: blank text, who speaks next, what was sent to it, a call no further than its sign-in. */
export function isNothing({ type, text, think, citations, tool_call: call }: ContentPart): boolean {
  switch (type) {
    case 'text':
      return isBlank(text) && !Array.isArray(citations);
    case 'think':
      return isBlank(think);
    case 'agent_update':
    case 'message':
      return true;
    case 'tool_call':
      return call !== undefined && isSignIn(call);
    default:
      return false;
  }
}

/** The prompt to sign in is gone with the run: what it was for has not been done. */
function isSignIn({ auth, progress, output }: ToolCall): boolean {
  return typeof auth === 'string' && auth !== '' && progress !== 1 && output === undefined;
}

function isBlank(text: string | undefined): boolean {
  return text === undefined || text.trim() === '';
}
