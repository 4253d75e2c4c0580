/**
 * Whether a page may make the request it makes. Browsers say where a request comes from (`Origin`, `Sec-Fetch-Site`) and
 * pages can't change that; what is not a browser says nothing and needs no protection from forged requests. The routes
 * send no CORS headers, so this is also checked for reads: a foreign page that could not see an answer shall not hold a
 * stream open either.
 */
import type { RouteRequest } from './route-types.js';

/** Longer than any origin: a scheme, a name of at most 253 characters and a port. */
const LONGEST_ORIGIN = 300;

export function comesFromForeignPage(request: RouteRequest, allowedOrigins: readonly string[]): boolean {
  const given = request.header('origin');
  if (given === undefined) return request.header('sec-fetch-site') === 'cross-site';
  if (given.length > LONGEST_ORIGIN || !URL.canParse(given)) return true;
  const origin = new URL(given);
  return !allowedOrigins.includes(origin.origin) && !isSameHost(origin, request.host);
}

/** Scheme apart, because TLS often ends at a proxy; a port that the scheme implies may be left out on either side. */
function isSameHost(origin: URL, host: string | undefined): boolean {
  if (host === undefined || origin.host === '') return false;
  const addressed = `${origin.protocol}//${host}`;
  if (host.length > LONGEST_ORIGIN || !URL.canParse(addressed)) return false;
  const { host: normalised, pathname, username } = new URL(addressed);
  return normalised === origin.host && pathname === '/' && username === '';
}
