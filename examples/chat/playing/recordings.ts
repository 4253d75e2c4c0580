/**
 * The recorded provider streams that the example's model plays, by name (the file's name without its ending). Parsed
 * once at start; playing shares the parsed events and never changes them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** One parsed line each. */
export type Recording = readonly unknown[];

const ENDING = '.jsonl';

/** In the order of their names. @throws when a file can't be read or a line isn't JSON */
export function readRecordings(folder: string): ReadonlyMap<string, Recording> {
  const files = readdirSync(folder).filter((name) => name.endsWith(ENDING));
  return new Map(files.sort().map((file) => [basename(file, ENDING), parseLines(join(folder, file))]));
}

function parseLines(file: string): Recording {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line): unknown => JSON.parse(line));
}
