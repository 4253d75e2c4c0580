/**
 * The nesting of JSON text is found in one pass without parsing it: so a bomb is refused before anything recursive sees
 * it.
 */
const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

/** Says whether arrays and objects in `json` nest deeper than `limit`. Text that is not JSON gets some answer. */
export function nestsDeeperThan(json: string, limit: number): boolean {
  if (json.length <= limit * 2) return false; // too short to open and close so many
  let depth = 0;
  let inString = false;
  for (let index = 0; index < json.length; index++) {
    const code = json.charCodeAt(index);
    if (inString) {
      if (code === BACKSLASH) index++;
      else if (code === QUOTE) inString = false;
    } else if (code === QUOTE) inString = true;
    else if (code === OPEN_BRACKET || code === OPEN_BRACE) {
      if (++depth > limit) return true;
    } else if (code === CLOSE_BRACKET || code === CLOSE_BRACE) depth--;
  }
  return false;
}
