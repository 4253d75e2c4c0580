/** What tests of the client share: a `fetch` that can do what networks do, and what a following has told. */
import type { FollowState, StreamEvent } from 'generation-jobs/client';
import { followStream } from 'generation-jobs/client';
import { afterEach } from 'vitest';

type Followed = ReturnType<typeof followStream>;
type FollowInput = NonNullable<Parameters<typeof followStream>[1]>;

const followings: Followed[] = [];
afterEach(() => {
  for (const following of followings.splice(0)) following.close();
});

/** What the routes are asked as; the same that `serve` knows. */
export const ANN = { 'x-session': 'ann' } as const;

export interface Followers {
  readonly following: Followed;
  readonly events: StreamEvent[];
  readonly states: FollowState[];
  /** The names of the states, without repeats. */
  readonly names: () => readonly string[];
}

/** Follows as a page does, and keeps what it is told. */
export function followed(url: string, options: FollowInput = {}): Followers {
  const events: StreamEvent[] = [];
  const states: FollowState[] = [];
  const following = followStream(url, {
    headers: ANN,
    longestPauseMs: 20,
    onEvent: (event) => {
      events.push(event);
    },
    onState: (state) => {
      states.push(state);
    },
    ...options,
  });
  followings.push(following);
  const names = () => states.map(({ name }) => name).filter((name, at, all) => name !== all[at - 1]);
  return { following, events, states, names };
}

/** The numbers of the events of the log that were handed on, in the order they came. */
export function sequencesOf(events: readonly StreamEvent[]): number[] {
  return events.map(({ cursor }) => Number(cursor.split('-')[1]));
}

/** A `fetch` whose next answers are other than the server's, in this order; then the server's own. */
export function fetchAfter(
  ...answers: ((...request: Parameters<typeof fetch>) => Response | Promise<Response>)[]
) {
  const asked: { readonly url: string; readonly headers: Headers }[] = [];
  const instead: typeof fetch = async (...request) => {
    const [url, init] = request;
    asked.push({ url: String(url), headers: new Headers(init?.headers) });
    const answer = answers.shift();
    return answer ? answer(...request) : fetch(...request);
  };
  return { fetch: instead, asked };
}

/** A stream of events whose text `change` rewrites as it comes. */
export function changed(change: (text: string) => string) {
  return async (...request: Parameters<typeof fetch>): Promise<Response> => {
    const response = await fetch(...request);
    const [decoder, encoder] = [new TextDecoder(), new TextEncoder()];
    const body = response.body?.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform: (bytes, controller) =>
          controller.enqueue(encoder.encode(change(decoder.decode(bytes, { stream: true })))),
      }),
    );
    return new Response(body ?? null, { status: response.status, headers: response.headers });
  };
}
