/**
 * The simplest content: text that grows. For hosts whose events carry pieces of one answer.
 */
import { GenerationJobError } from '../errors.js';
import { type ContentModel, defineContentModel } from '../stream/model/content-model.js';
import { aWord, faultIn, type Member, optional } from '../stream/model/members.js';

/** The places of the text's pieces. */
export interface TextContentOptions {
  /** The name of the events that carry text. At least one character; default `text`. */
  readonly event?: string | undefined;
  /** The field of their data that holds the piece; without a string there, an event adds nothing. Default `text`. */
  readonly field?: string | undefined;
}

const OPTIONS = { event: optional(aWord), field: optional(aWord) } satisfies Record<
  keyof TextContentOptions,
  Member
>;

/**
 * Makes a model named `text` whose content is `{ text }`, the concatenation of the pieces of all events named `event`.
 *
 * @throws GenerationJobError `invalid_options`
 * @example
 * const manager = new GenerationJobManager({ ...createStreamServices(), contentModels: [textContent()] });
 */
export function textContent(options: TextContentOptions = {}): ContentModel<{ text: string }> {
  const fault = faultIn(options, OPTIONS, 'options');
  if (fault !== undefined) throw new GenerationJobError('invalid_options', fault);
  const { event: name = 'text', field = 'text' } = options;
  const pieceOf = (data: unknown): string => {
    const piece =
      typeof data === 'object' && data !== null ? (data as Record<string, unknown>)[field] : undefined;
    return typeof piece === 'string' ? piece : '';
  };
  const isOnlyPiece = (data: unknown): boolean =>
    typeof data === 'object' &&
    data !== null &&
    Object.keys(data).length === 1 &&
    typeof (data as Record<string, unknown>)[field] === 'string';
  return defineContentModel<{ text: string }>({
    name: 'text',
    initial: () => ({ text: '' }),
    fold: (content, { event, data }) => {
      if (event === name) content.text += pieceOf(data);
      return content;
    },
    isEmpty: ({ text }) => text.trim() === '',
    merge: (earlier, later) => {
      // What stands beside the piece would be lost, so such events stay apart.
      const isText = [earlier, later].every((one) => one.event === name && isOnlyPiece(one.data));
      return isText ? { event: name, data: { [field]: pieceOf(earlier.data) + pieceOf(later.data) } } : null;
    },
  });
}
