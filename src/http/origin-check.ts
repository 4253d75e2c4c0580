/**
 * This check says whether a page may make the request it makes. Browsers say where a request comes from (`Origin`,
 * `Sec-Fetch-Site`) and pages can't change that; what is not a browser says nothing and needs no protection from forged
 * requests. This is checked for reads too: a foreign page that can't see an answer shall not hold a stream open either.
 */
import type { Logger } from '../stream/interfaces/logger.js';
import type { RouteRequest } from './route-types.js';

/** No origin is longer: a scheme, a name of at most 253 characters and a port. */
const LONGEST_ORIGIN = 300;

/**
 * Returns the origin a text names, as browsers write it; undefined when it names none. Apps and extensions have origins of
 * their own schemes (`capacitor://localhost`, `chrome-extension://…`), which URLs don't know as origins.
 */
export function originOf(text: string): string | undefined {
  if (text.length > LONGEST_ORIGIN || !URL.canParse(text)) return undefined;
  const { origin, protocol, host, pathname, search, hash, username } = new URL(text);
  if ((pathname !== '/' && pathname !== '') || search !== '' || hash !== '' || username !== '')
    return undefined;
  if (origin !== 'null') return origin;
  return host === '' ? undefined : `${protocol}//${host.toLowerCase()}`;
}

/** Returns the request's origin, when the host has listed it. */
export function listedOrigin(request: RouteRequest, allowedOrigins: readonly string[]): string | undefined {
  const given = request.header('origin');
  const origin = given === undefined ? undefined : originOf(given);
  return origin !== undefined && allowedOrigins.includes(origin) ? origin : undefined;
}

/** Each says why a request is refused for where it comes from. */
type Refusal = 'no_host' | 'other_host' | 'no_origin' | 'cross_site';

export class OriginCheck {
  readonly #allowedOrigins: readonly string[];
  readonly #logger: Logger;
  readonly #logged = new Set<Refusal>();

  constructor(allowedOrigins: readonly string[], logger: Logger) {
    this.#allowedOrigins = allowedOrigins;
    this.#logger = logger;
  }

  /** Says whether the request is to be refused. The first refusal of each kind is logged: it may be a proxy's mistake. */
  refuses(request: RouteRequest): boolean {
    const reason = refusalOf(request, this.#allowedOrigins);
    if (reason !== undefined && !this.#logged.has(reason)) {
      this.#logged.add(reason);
      const seen = { origin: shortened(request.header('origin')), host: shortened(request.host) };
      const expected = { origins: this.#allowedOrigins, host: 'that of the page’s origin' };
      this.#logger.warn({ reason, seen, expected }, 'a request was refused for its origin; told once');
    }
    return reason !== undefined;
  }
}

function refusalOf(request: RouteRequest, allowedOrigins: readonly string[]): Refusal | undefined {
  const given = request.header('origin');
  if (given === undefined)
    return request.header('sec-fetch-site') === 'cross-site' ? 'cross_site' : undefined;
  const origin = originOf(given);
  if (origin === undefined) return 'no_origin';
  if (allowedOrigins.includes(origin)) return undefined;
  if (request.host === undefined || request.host === '') return 'no_host';
  return isSameHost(new URL(origin), request.host) ? undefined : 'other_host';
}

/**
 * Compares hosts, and no schemes, because TLS often ends at a proxy; a port that the scheme implies may be left out on
 * either side.
 */
function isSameHost(origin: URL, host: string): boolean {
  if (origin.protocol !== 'https:' && origin.protocol !== 'http:') return false;
  const addressed = `${origin.protocol}//${host}`;
  if (host.length > LONGEST_ORIGIN || !URL.canParse(addressed)) return false;
  const { host: normalised, pathname, username } = new URL(addressed);
  return normalised === origin.host && pathname === '/' && username === '';
}

function shortened(text: string | undefined): string | null {
  return text === undefined ? null : text.slice(0, LONGEST_ORIGIN);
}
