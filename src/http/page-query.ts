/**
 * A listing's query says which page is wanted, and its answer where the next one is: RFC 8288's `Link` with
 * `rel="next"`, relative to the address that was asked for, since only the host knows where the routes are mounted.
 */
import { GenerationJobError } from '../errors.js';

/** The longest number that may be a limit at all; the manager says which may. */
const LONGEST_LIMIT = 4;

export interface PageQuery {
  readonly limit: number | undefined;
  readonly cursor: string | undefined;
}

/** Reads which page is asked for. @throws GenerationJobError `invalid_argument` for a limit that is no number */
export function pageQueryOf(query: URLSearchParams): PageQuery {
  const text = query.get('limit');
  const limit = text === null ? undefined : Number(text);
  if (text !== null && (text.length > LONGEST_LIMIT || String(limit) !== text)) {
    throw new GenerationJobError('invalid_argument', '?limit= has no such value.');
  }
  return { limit, cursor: query.get('cursor') ?? undefined };
}

export function linkToNext(cursor: string, limit: number | undefined): string {
  const query = new URLSearchParams({ ...(limit !== undefined && { limit: String(limit) }), cursor });
  return `<?${query}>; rel="next"`;
}
