/** Addresses of the library's routes. They may be relative, as in a page, and have a query of the host's own. */

/** Adds parameters to the query of an address; what is undefined is left out. */
export function withQuery(address: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(parameters).flatMap(([name, value]) => (value ? `${name}=${value}` : []));
  return given.length === 0 ? address : `${address}${address.includes('?') ? '&' : '?'}${given.join('&')}`;
}
