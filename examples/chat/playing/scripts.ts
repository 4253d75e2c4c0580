/**
 * What an answer plays: stretches of events, and after each the end or a question to a person. A stretch depends on
 * nothing but what was decided before it, so that any replica can work it out again and go on in its middle.
 */
import type { HostEvent, PauseInput, Resolution } from 'generation-jobs';

export interface Stretch {
  readonly events: readonly HostEvent[];
  /** What is asked after them; without it the answer is complete. */
  readonly ask?: Pick<PauseInput, 'type' | 'requests' | 'questions'>;
}

export interface Script {
  /** What determines the answer: a decision counts only for a run of the same. */
  readonly run: object;
  /** The stretch that follows these decisions, oldest first. */
  after(decided: readonly Resolution[]): Stretch;
}

/** Every stretch begun so far, the current one last. */
export function stretchesOf(script: Script, decided: readonly Resolution[]): [...Stretch[], Stretch] {
  const earlier = decided.map((_, index) => script.after(decided.slice(0, index)));
  return [...earlier, script.after(decided)];
}

/** Text of the example's own, for the page to show as a provider's. */
export function textEvent(text: string): HostEvent {
  return { event: 'text', data: { text } };
}

/** A word an event. */
export function spoken(text: string): HostEvent[] {
  return (text.match(/\s*\S+\s*/g) ?? []).map(textEvent);
}
