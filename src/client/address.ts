/** Addresses of the library's routes. They may be relative, as in a page, so they are handled as text. */
import { StreamClientError } from './errors.js';

/** Parts an address at its query; what stands behind `#` is no server's business. */
function parted(address: string): { readonly path: string; readonly query: string } {
  const [whole = ''] = address.split('#', 1);
  const at = whole.indexOf('?');
  return at < 0 ? { path: whole, query: '' } : { path: whole.slice(0, at), query: whole.slice(at + 1) };
}

/** Puts parameters into the query of an address, in place of those of the same name; undefined takes one away. */
export function withQuery(address: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const { path, query } = parted(address);
  const changed = new URLSearchParams(query);
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) changed.delete(name);
    else changed.set(name, value);
  }
  const text = changed.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** Returns the address of a route below `routes`, whose query it keeps: `/stream/abc` of `/api/chat`. */
export function routeAddress(routes: string, route: string): string {
  const { path, query } = parted(routes);
  const base = path.endsWith('/') ? path.slice(0, -1) : path;
  return base + route + (query === '' ? '' : `?${query}`);
}

/** The routes' own address, with the query of the stream's, and the stream. */
export interface StreamAddress {
  readonly routes: string;
  readonly streamId: string;
}

/** Takes the address of a stream apart. @throws StreamClientError `invalid_options` when it does not end in `/stream/<id>` */
export function streamAddressIn(url: string): StreamAddress {
  const { path, query } = parted(url);
  const at = path.lastIndexOf('/stream/');
  const segment = at < 0 ? '' : path.slice(at + '/stream/'.length);
  if (segment === '' || segment.includes('/'))
    throw new StreamClientError('invalid_options', 'url: must end in /stream/<stream id> for this call.');
  const routes = path.slice(0, at) + (query === '' ? '' : `?${query}`);
  return { routes, streamId: decodeURIComponent(segment) };
}
