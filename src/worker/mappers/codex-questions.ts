/**
 * A question of Codex to its user. How it is answered is its own submission `user_input_answer`, which releases without the
 * question do not read.
 */
import type { Answer, Verdict } from '../../stream/model/types.js';
import { type Fields, objectsIn, wordOf } from './line-fields.js';
import type { AgentQuestion } from './mapper.js';

/** Makes the question; undefined when nothing in it can be asked. */
export function codexQuestion({ call_id, questions }: Fields): AgentQuestion | undefined {
  const id = wordOf(call_id);
  const asked = objectsIn(questions).map((one, at) => questionOf(one, `question-${at + 1}`));
  if (id === undefined || asked.length === 0) return undefined;
  const lineOf = (answers: Record<string, { answers: readonly string[] }>) =>
    JSON.stringify({ type: 'user_input_answer', id, response: { answers } });
  return {
    id,
    action: { type: 'ask_user_question', questions: asked },
    answer: ({ answers }: Verdict) =>
      lineOf(Object.fromEntries(answers.map((one) => [one.id, { answers: wordsOf(one) }]))),
    refusal: (why) => lineOf(Object.fromEntries(asked.map((one) => [one.id, { answers: [why] }]))),
  };
}

function questionOf({ id, question, header, options }: Fields, unnamed: string) {
  const offered = objectsIn(options).flatMap(({ label, description }) => {
    const shown = wordOf(label);
    return shown === undefined ? [] : [{ label: shown, description: wordOf(description) }];
  });
  return {
    id: wordOf(id) ?? unnamed,
    question: wordOf(question) ?? wordOf(header) ?? 'The agent asks.',
    ...(offered.length > 0 && { options: offered }),
  };
}

function wordsOf({ selected = [], text }: Answer): readonly string[] {
  return text === undefined ? selected : [...selected, text];
}
