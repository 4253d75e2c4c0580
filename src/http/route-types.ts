/** The routes and a web framework meet here: a request as the routes see it, and what they answer. No code. */

import type { SseSink } from './sse-sink.js';

/** A request acts on behalf of this one: nothing else in the request says so. */
export interface Identity {
  /** 1 to 256 characters. */
  readonly userId: string;
  /** 1 to 128 characters of `A-Z a-z 0-9 _ . ~ -`. */
  readonly tenantId?: string | undefined;
}

export interface RouteRequest {
  readonly method: string;
  /** The path below the mount point, percent-encoded, without the query. */
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
  /** The body if something before us has taken it off the request; else undefined. */
  readonly receivedBody: ReceivedBody | undefined;
  /**
   * Reads the body until `signal` fires.
   * @throws GenerationJobError `body_too_large` as soon as there is more than `maxBytes` · `body_consumed`, `invalid_body`
   *   when it can't come any more · the reason of `signal`
   */
  readBody(maxBytes: number, signal: AbortSignal): Promise<Uint8Array>;
}

/** A body as it came, or what something before us has made of it. */
export type ReceivedBody = { readonly unparsed: string | Uint8Array } | { readonly value: unknown };

export type Reply =
  /** A whole body: JSON, or a page of HTML. */
  | {
      readonly kind: 'json' | 'page';
      readonly status: number;
      readonly headers: ReplyHeaders;
      readonly body: string;
    }
  | { readonly kind: 'empty'; readonly status: number; readonly headers: ReplyHeaders }
  /** `begin` writes into the response's sink and ends it; until then the reply holds nothing open but its subscription. */
  | {
      readonly kind: 'stream';
      readonly status: 200;
      readonly headers: ReplyHeaders;
      begin(sink: SseSink): void;
    };

export type ReplyHeaders = Readonly<Record<string, string>>;
