/** A request asks for its headers anew, and its signal ends it whatever it waits for. */
import type { RequestHeaders, RequestOptions } from './options.js';

/** One request of a client. */
export interface Asked {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  /** The body, sent as JSON. */
  readonly body?: unknown;
  readonly accept: string;
  /** The status by which the last try was refused. */
  readonly refused?: number | undefined;
  readonly signal: AbortSignal;
}

/** @throws the signal's reason, or what the platform's `fetch` or the host's `headers` throw */
export async function ask(address: string, options: RequestOptions, asked: Asked): Promise<Response> {
  const { method = 'GET', body, accept, refused, signal } = asked;
  const headers = await orAborted(signal, headersOf(options.headers, { refused, signal }));
  const { fetch = globalThis.fetch, credentials } = options;
  const request = {
    method,
    headers: { accept, ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(credentials !== undefined && { credentials }),
    // An old answer is no answer; Node's own `fetch` has no cache, and doesn't mind.
    cache: 'no-store' as const,
    signal,
  };
  return fetch(address, request);
}

async function headersOf(
  headers: RequestHeaders | undefined,
  request: { readonly refused: number | undefined; readonly signal: AbortSignal },
): Promise<Readonly<Record<string, string>>> {
  return typeof headers === 'function' ? headers(request) : (headers ?? {});
}

/** Waits for a promise of the host's, but no longer than until the signal fires. @throws the signal's reason */
export function orAborted<Value>(signal: AbortSignal, promise: Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason);
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
