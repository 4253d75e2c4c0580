/**
 * A content model folds a generation's events into what a late client needs, instead of all of them: the text so far,
 * the message parts. The fold must depend on nothing but its arguments, because any replica may do it over, and must
 * treat events it does not know as if they were not there. It sees lifecycle events too, but never the terminal one: a
 * generation's end stands beside its content, not in it.
 */
import { GenerationJobError } from '../../errors.js';
import type { HostTypes, Untyped, ValuesOf } from './host-types.js';
import type { FoldablePayloads } from './lifecycle-payloads.js';
import { aFunction, aWord, faultIn, type Member, optional } from './members.js';

/** An event as a fold sees it; with a bag of types, a union that `switch (event.event)` narrows. */
export type FoldedEvent<Types extends HostTypes = Untyped> = ValuesOf<{
  [Name in keyof FoldablePayloads<Types> as `${Name & string}`]-?: {
    readonly event: Name & string;
    readonly data: FoldablePayloads<Types>[Name];
    readonly sequence: number;
  };
}>;

export interface ContentModel<Content = unknown, Types extends HostTypes = Untyped> {
  /** Kept in the record; a replica that folds must know a model of this name. */
  readonly name: string;
  /** The content before the first event: JSON, and a new object each time, since `fold` may change it. */
  initial(): Content;
  /**
   * The content after one more event. It should change the content it was given and return it: what is copied at each
   * event makes a long answer cost its square. Nobody else has that object: hooks and followers get another one.
   */
  fold(content: Content, event: FoldedEvent<Types>): Content;
  /**
   * Returns what is left of the content when a successor starts the answer over, such as what came from `created`.
   * Default: nothing, `initial()`.
   */
  restart?(content: Content): Content;
  /**
   * Says whether the content is nothing worth keeping, such as no text at all; it must not change it. It is what `isEmpty`
   * says in the result of an abort and to `settle`. It must answer at once: of an error, a promise or anything else that is
   * not a boolean `onError` is told, and it counts as false. Default: whether no event of the host was committed.
   */
  isEmpty?(content: Content): boolean;
  /**
   * The one event that stands for two neighbours not yet committed, or null when they can't be merged. Used only when
   * the job was created with `merge: true`. Folding the merged event must equal folding both.
   */
  merge?(
    earlier: { event: string; data: unknown },
    later: { event: string; data: unknown },
  ): { event: string; data: unknown } | null;
}

/**
 * Gives a content model its type without naming it twice.
 * @throws GenerationJobError `invalid_options` naming each member that is missing, unknown or of another kind
 * @example
 * const words = defineContentModel<{ count: number }>({
 *   name: 'words',
 *   initial: () => ({ count: 0 }),
 *   fold(content, { event }) {
 *     if (event === 'word') content.count++;
 *     return content;
 *   },
 * });
 */
export function defineContentModel<Content, Types extends HostTypes = Untyped>(
  model: ContentModel<Content, Types>,
): ContentModel<Content, Types> {
  checkContentModel(model, 'model');
  return model;
}

const MEMBERS = {
  name: aWord,
  initial: aFunction,
  fold: aFunction,
  restart: optional(aFunction),
  isEmpty: optional(aFunction),
  merge: optional(aFunction),
} satisfies Record<keyof ContentModel, Member>;

/** The name of a content model, once it is known to be one. @throws as `defineContentModel` */
export function checkContentModel(model: unknown, what: string): string {
  if (typeof model !== 'object' || model === null) {
    const message = `${what}: must be a content model: call it, as in [textContent()].`;
    throw new GenerationJobError('invalid_options', message);
  }
  const fault = faultIn(model, MEMBERS, what);
  if (fault !== undefined) throw new GenerationJobError('invalid_options', fault);
  return (model as ContentModel).name;
}

export type ContentModels = ReadonlyMap<string, ContentModel>;
