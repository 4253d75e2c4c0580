/**
 * What lies between the routes and a web framework: a request as the routes see it, and what they answer. No code.
 */

import type { Identity } from './route-options.js';
import type { SseSink } from './sse-sink.js';

export interface RouteRequest {
  readonly method: string;
  /** Below the mount point, percent-encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The host the client addressed, with its port if it named one. */
  readonly host: string | undefined;
  /** A header by its lower-case name; several of one name joined by `, `. */
  header(name: string): string | undefined;
  /** The framework's own request, for the host's hooks. */
  readonly hostRequest: unknown;
  /** The host's answer to who this is, as it is given. */
  authorize(): Promise<Identity | null | undefined>;
  /** The body if something before us has parsed it; else undefined. */
  readonly parsedBody: unknown;
  /** The body. @throws GenerationJobError `body_too_large` as soon as there is more than `maxBytes` */
  readBody(maxBytes: number): Promise<Uint8Array>;
}

export type Reply =
  | { readonly kind: 'json'; readonly status: number; readonly headers: ReplyHeaders; readonly body: string }
  | { readonly kind: 'empty'; readonly status: number; readonly headers: ReplyHeaders }
  /** `begin` writes into the response's sink and ends it; until then the reply holds nothing open but its subscription. */
  | {
      readonly kind: 'stream';
      readonly status: 200;
      readonly headers: ReplyHeaders;
      begin(sink: SseSink): void;
    };

export type ReplyHeaders = Readonly<Record<string, string>>;
