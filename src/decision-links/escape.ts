/**
 * Text of a model, or of anybody, as text of a page: never markup, and never other than it reads. What HTML means something by is
 * escaped; what can't be seen, or turns the direction of what is around it, is written out as `\u202e`.
 */

/** The characters by which HTML leaves text, in content and in quoted attributes. */
const MARKUP: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};
/** Ranges of code units that are not seen, or change how others are: controls, marks, fillers, half pairs. Joiners, which languages need, are not. */
const HIDDEN: readonly (readonly [from: number, to: number])[] = [
  [0x00, 0x08],
  [0x0b, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x061c, 0x061c],
  [0x115f, 0x1160],
  [0x180e, 0x180e],
  [0x200b, 0x200b],
  [0x200e, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0x3164, 0x3164],
  [0xd800, 0xdfff],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff9, 0xfffb],
];
/** Code points of this plane are tags and variation selectors: seen by nobody. */
const TAGS_FROM = 0xe0000;
const LAST_OF_BASIC_PLANE = 0xffff;

/** Returns text that is safe between tags, and between the quotes of an attribute. */
export function escapeHtml(text: string): string {
  let escaped = '';
  for (const character of text) escaped += MARKUP[character] ?? visible(character);
  return escaped;
}

function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const isHidden =
    code > LAST_OF_BASIC_PLANE ? code >= TAGS_FROM : HIDDEN.some(([from, to]) => code >= from && code <= to);
  return isHidden ? `\\u${code.toString(16).padStart(4, '0')}` : character;
}
