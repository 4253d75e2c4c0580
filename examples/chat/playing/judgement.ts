/**
 * The example's own judgement of a decision, before the library makes it: what a person typed, and whether the run is
 * still the one that was paused. A real backend also asks here whether this person may decide this.
 */
import { type BeforeResolveResult, fingerprintOf, type ProposedVerdict } from 'generation-jobs';
import { LONGEST_TYPED } from '../page/content/asked-action.js';
import type { Script } from './scripts.js';

/** Stands for whatever must not get into the log of an answer: a moderation service, in a real backend. */
const BANNED_WORD = 'hunter2';

export function judge(
  { decisions, answers, record }: ProposedVerdict,
  scripts: ReadonlyMap<string, Script>,
): BeforeResolveResult {
  const typed = [
    ...decisions.flatMap(({ reason, text, arguments: edited }) => [
      ...[reason, text].filter((one) => one !== undefined),
      ...stringsIn(edited).filter((one) => one !== ''),
    ]),
    ...answers.flatMap(({ text }) => (text === undefined ? [] : [text])),
  ];
  if (!typed.every(isAcceptable)) return false;
  // Of the run as it would go on now: another release of the example may have changed what the decision leads to.
  const script = scripts.get(String(record.metadata.recording));
  return { fingerprint: script && fingerprintOf(script.run) };
}

function isAcceptable(text: string): boolean {
  return (
    text.trim() !== '' && text.length <= LONGEST_TYPED && !text.toLocaleLowerCase('en').includes(BANNED_WORD)
  );
}

function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}
