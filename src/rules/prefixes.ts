/**
 * A text may go on behind a prefix at some places alone. What a rule was given for must not be left by a trick of writing: a path does not
 * climb out of its folder, and a command is not followed by another one. Whatever looks odd is no match, and a person is asked.
 *
 * A text does not show everything: a link in the folder may lead out of it, a server may read paths its own way, an option of the
 * program may make it do something else. docs/rules.md says so.
 */
import type { PrefixMatch } from '../stream/interfaces/rules.js';

/** Texts of arguments are short; a longer one is asked about. */
const LONGEST = 4_096;
/** A control character, DEL or a backslash. Parsers of addresses drop the first, and some take the last for a slash. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that are looked for
const ODD_IN_PATH = /[\u0000-\u001f\u007f\\]/;
/** A dot, a slash, a backslash, a percent sign or NUL that is percent-encoded: whoever decodes it sees another path. */
const ENCODED_IN_PATH = /%(?:2e|2f|5c|25|00)/i;
/** Words that no shell reads as more than words. */
const WORDS = /^[A-Za-z0-9_.,:=@+/ -]*$/;

type Kind = PrefixMatch['of'];

/** Returns what is wrong with a prefix; undefined when it can be one. */
export function faultOfPrefix(kind: Kind, prefix: string): string | undefined {
  if (prefix.length > LONGEST) return `has more than ${LONGEST} characters`;
  if (kind === 'command') {
    return isPlainWords(prefix) && prefix.trim() === prefix && prefix !== ''
      ? undefined
      : 'must be words of A-Z a-z 0-9 _ . , : = @ + / - with blanks between them alone';
  }
  if (isOddPath(prefix)) return 'has a segment, or a character, that no path of a rule may have';
  // A drive or a scheme alone (`C:`, `https://`) names no folder either.
  const isNamed = segmentsOf(prefix).some(
    (segment) => !['', '.'].includes(segment) && !segment.endsWith(':'),
  );
  return isNamed ? undefined : 'must name a folder, a file or a server: every path would be below it';
}

/** Says whether a text is the prefix, or goes on behind it where such a text may. */
export function isBehind(kind: Kind, prefix: string, text: string): boolean {
  if (text.length > LONGEST) return false;
  if (kind === 'command') return (text === prefix || text.startsWith(`${prefix} `)) && isPlainWords(text);
  if (isOddPath(text)) return false;
  return text === prefix || text.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
}

function isPlainWords(text: string): boolean {
  return text.length <= LONGEST && WORDS.test(text);
}

/** A segment that begins with two dots climbs, or does where the rest of it is dropped (`..;x`, `.. `). */
function isOddPath(path: string): boolean {
  if (path.length > LONGEST || ODD_IN_PATH.test(path) || ENCODED_IN_PATH.test(path)) return true;
  return segmentsOf(path).some((segment) => segment.trim().startsWith('..'));
}

function segmentsOf(path: string): string[] {
  return path.split('/');
}
