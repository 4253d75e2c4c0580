/** Asks whether a call may be made: as it stands, with other arguments, or not at all. */
import type { ChatAddToolApproveResponseFunction } from 'ai';
import { useState } from 'react';

export type Decide = ChatAddToolApproveResponseFunction;

interface CardProps {
  readonly name: string;
  readonly input: unknown;
  /** Of the approval. */
  readonly id: string;
  readonly onDecide: Decide;
}

export function ApprovalCard({ name, input, id, onDecide }: CardProps) {
  const shown = JSON.stringify(input, null, 2);
  const [edited, setEdited] = useState(shown);
  const [problem, setProblem] = useState('');

  const approve = () => {
    if (edited === shown) return void onDecide({ id, approved: true });
    try {
      // What was edited goes along in the body: a chat itself can only say yes or no.
      const edits = { [id]: JSON.parse(edited) as unknown };
      void onDecide({ id, approved: true, options: { body: { edits } } });
    } catch (error) {
      setProblem(error instanceof Error ? error.message : 'That is no JSON.');
    }
  };

  return (
    <fieldset>
      <legend>Allow {name}?</legend>
      <textarea
        aria-label="Arguments"
        value={edited}
        rows={5}
        onChange={(event) => setEdited(event.target.value)}
      />
      <p role="alert">{problem}</p>
      <button type="button" onClick={approve}>
        {edited === shown ? 'Allow' : 'Allow as edited'}
      </button>
      <button type="button" onClick={() => void onDecide({ id, approved: false, reason: 'not allowed' })}>
        Reject
      </button>
    </fieldset>
  );
}
