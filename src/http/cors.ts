/**
 * CORS headers let a page of another origin read the answers, for origins the host has listed and for no others.
 * Cookies go with them, since a session usually is one; so the origin is named and never `*`.
 */
import type { ReplyHeaders, RouteRequest } from './route-types.js';

/**
 * A longer time keeps a browser from asking again after the host has changed its list; in seconds, the most Chromium takes.
 */
const PREFLIGHT_SECONDS = 7200;
const LONGEST_HEADER_LIST = 1000;

export function corsHeaders(
  request: RouteRequest,
  origin: string | undefined,
  methods: readonly string[],
): ReplyHeaders {
  const varies = { vary: 'Origin' };
  if (origin === undefined) return varies;
  const allowed = {
    ...varies,
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'Link',
  };
  if (request.method !== 'OPTIONS') return allowed;
  const asked = request.header('access-control-request-headers') ?? '';
  return {
    ...allowed,
    'access-control-allow-methods': methods.join(', '),
    'access-control-max-age': String(PREFLIGHT_SECONDS),
    ...(asked !== '' && asked.length <= LONGEST_HEADER_LIST && { 'access-control-allow-headers': asked }),
  };
}
