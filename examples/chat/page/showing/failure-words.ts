/** How an answer ended, in words, if it did not simply complete. */

/** By the code of the end; the code itself is shown beside them. */
const FAILURES: Readonly<Record<string, string>> = {
  producer_lost: 'The server that was writing this answer has stopped.',
  model_failed: 'The model could not finish the answer.',
  no_agent: 'No agent is running on this server.',
  no_worker: 'No worker could be started.',
  interrupted: 'The server that was writing this answer was stopped.',
  worker_events_lost: 'A part of this answer could not be delivered.',
  agent_failed: 'The agent has failed.',
  agent_exited: 'The agent has ended with an error.',
  agent_killed: 'The agent was ended from outside.',
  agent_no_answer: 'The agent gave no answer.',
  agent_lost: 'The agent that was writing this answer is gone.',
  predecessor_unsettled: 'The answer before it was not saved yet. Ask again.',
  gone: 'The server no longer has this answer.',
};

export interface EndWords {
  readonly words: string;
  /** For whoever looks it up; empty when there is nothing to look up. */
  readonly code: string;
}

/** Undefined when there is nothing to say. */
export function endWords(status: string, code: string, isEmpty: boolean): EndWords | undefined {
  switch (status) {
    case 'aborted':
      // The card says it.
      if (code === 'expired') return undefined;
      return { words: code === 'replaced' ? 'Replaced by a newer message.' : 'Stopped.', code: '' };
    case 'failed':
      return { words: FAILURES[code] ?? 'The answer failed.', code };
    case 'completed':
      return isEmpty ? { words: 'Finished without any text.', code: '' } : undefined;
    default:
      return undefined;
  }
}
