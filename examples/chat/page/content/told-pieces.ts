/**
 * Texts of an agent that names them: more of one may come after another has begun, one may come again as a whole, or be
 * taken back. What stands behind a text that changes moves along.
 */

export interface ToldPiece {
  readonly id: string;
  /** Where it begins in the answer's text. */
  readonly at: number;
  readonly length: number;
}

interface PiecedContent {
  text: string;
  breaks: number[];
  tools: { readonly at?: number }[];
  actions: { readonly at: number }[];
  pieces?: ToldPiece[];
}

/** Texts that may still change; one that is older would be told anew. */
const MOST_PIECES = 100;

/** Adds to the text of this id, or puts `piece` in place of all of it. One that is new begins a paragraph. */
export function withPiece(
  content: PiecedContent,
  { id, piece, replaces }: { id: string; piece: string; replaces: boolean },
): void {
  const pieces = content.pieces ?? [];
  const known = pieces.find((one) => one.id === id);
  const { length: end } = content.text;
  if (known === undefined) {
    if (end > 0 && content.breaks.at(-1) !== end && content.breaks.length < MOST_PIECES)
      content.breaks.push(end);
    content.pieces = [...pieces, { id, at: end, length: piece.length }].slice(-MOST_PIECES);
    content.text += piece;
    return;
  }
  const to = known.at + known.length;
  const from = replaces ? known.at : to;
  const by = piece.length - (to - from);
  content.text = content.text.slice(0, from) + piece + content.text.slice(to);
  // What stood at its end stays behind it, and never before its beginning.
  const moved = (at: number) => (at >= to ? at + by : at > from ? from : at);
  content.breaks = content.breaks.map(moved);
  content.tools = content.tools.map((tool) =>
    tool.at === undefined ? tool : { ...tool, at: moved(tool.at) },
  );
  content.actions = content.actions.map((action) => ({ ...action, at: moved(action.at) }));
  content.pieces = pieces.map((one) => {
    if (one === known) return { ...one, length: one.length + by };
    return { ...one, at: one.at > known.at ? moved(one.at) : one.at };
  });
}
