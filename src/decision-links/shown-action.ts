/**
 * The part of an action that is shown to whoever has a link, and of what was decided about it: all that a page of the application
 * shows, or names alone.
 */
import { outcomeOf } from '../http/replies.js';
import type { PublicAction, Resolution } from '../stream/model/types.js';
import type { VerifiedLink } from './decision-links.js';

/** Says how much is shown: `all` that the action shows, or the names of tools and the questions alone. */
export type LinkShows = 'all' | 'names';

export interface ShownAction {
  readonly type: string;
  readonly requests: readonly {
    readonly name: string;
    readonly description?: string | undefined;
    readonly arguments?: unknown;
  }[];
  readonly questions: readonly {
    readonly question: string;
    readonly description?: string | undefined;
    /** The labels of the options that the link answers with. */
    readonly answer: readonly string[];
  }[];
  readonly payload?: unknown;
}

/** Returns what is shown of an action. */
export function shownAction(action: PublicAction, { answers }: VerifiedLink, shows: LinkShows): ShownAction {
  const isWhole = shows === 'all';
  return {
    type: action.type,
    requests: action.requests.map(({ name, description, arguments: given }) => ({
      name,
      ...(isWhole && { description, arguments: given }),
    })),
    questions: action.questions.map(({ question, description, options }, at) => ({
      question,
      ...(isWhole && { description }),
      answer: (answers[at] ?? []).flatMap((place) => options[place]?.label ?? []),
    })),
    ...(isWhole && action.payload !== undefined && { payload: action.payload }),
  };
}

/** Returns what is shown of how an action was decided; with `names` nothing that anybody has typed: arguments, answers, reasons. */
export function shownOutcome(resolution: Resolution, shows: LinkShows): object {
  if (shows === 'all') return outcomeOf(resolution);
  const { actionId, by, at, decisions } = resolution;
  return { actionId, by, at, decisions: decisions.map(({ id, decision }) => ({ id, decision })) };
}
