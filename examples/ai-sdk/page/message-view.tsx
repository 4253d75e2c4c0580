/** One message: its texts, its tool calls, and the card of a call that waits for somebody. */
import { getToolName, isToolUIPart, type UIMessage } from 'ai';
import { ApprovalCard, type Decide } from './approval-card.js';

export function MessageView({ message, onDecide }: { message: UIMessage; onDecide: Decide }) {
  return (
    <article data-role={message.role}>
      {message.parts.map((part, index) => {
        const key = `${message.id} ${index}`;
        if (part.type === 'text') return <p key={key}>{part.text}</p>;
        if (part.type === 'reasoning') return <details key={key}>{part.text}</details>;
        if (!isToolUIPart(part)) return null;
        if (part.state === 'approval-requested')
          return (
            <ApprovalCard
              key={key}
              name={getToolName(part)}
              input={part.input}
              id={part.approval.id}
              onDecide={onDecide}
            />
          );
        return (
          <p key={key} data-tool={part.state}>
            {getToolName(part)}({JSON.stringify(part.input ?? null)}): {outcomeOf(part)}
          </p>
        );
      })}
    </article>
  );
}

function outcomeOf(part: Extract<UIMessage['parts'][number], { toolCallId: string }>): string {
  switch (part.state) {
    case 'output-available':
      return typeof part.output === 'string' ? part.output : JSON.stringify(part.output);
    case 'output-error':
      return part.errorText;
    case 'output-denied':
      return part.approval?.reason ?? 'not allowed';
    case 'approval-responded':
      return part.approval.approved ? 'allowed' : 'not allowed';
    default:
      return '…';
  }
}
