/**
 * The states of a following.
 *
 * - `connecting`  a try is under way. Left by the server's answer, or by a failure.
 * - `live`        the server has answered, and something arrives at least as often as its heartbeat.
 * - `waiting`     the connection was lost, has fallen silent, or was refused for now; the next try is due. Left by the time,
 *                 and early when somebody looks at the page, the network is back, or `wake` is called.
 * - `offline`     as `waiting`, while the browser knows of no network. It is tried all the same: browsers can be wrong.
 * - `resting`     nothing is expected and the page is hidden. Left when it is shown, and by `wake`.
 * - `ended`       the generation has ended and all of it was told. Nothing leaves it.
 * - `gone`        there is nothing to follow: it is not kept any more, was never there, or the server refuses for good.
 *                 `error` says which. Nothing leaves it.
 * - `closed`      `close` was called, or the signal fired. Nothing leaves it.
 */
import type { StreamClientError } from './errors.js';

/** The state of a connection; `switch (state.name)` narrows it. */
export type FollowState =
  | {
      /** Names the state. */
      readonly name: 'connecting' | 'live' | 'resting';
    }
  | {
      /** Names the state. */
      readonly name: 'waiting' | 'offline';
      /** The pause before the next try, in milliseconds from when this was told. */
      readonly inMs: number;
      /** The moment of the next try, in milliseconds since 1970 by this machine's clock. */
      readonly retryAt: number;
      /** The tries that have failed in a row, from 1. */
      readonly failures: number;
      /** Says why the connection is away; undefined when the server has ended the response as it should. */
      readonly error?: StreamClientError | undefined;
    }
  | LastState;

/** The states that nothing leaves. */
export type LastState =
  | {
      /** Names the state. */
      readonly name: 'ended' | 'closed';
    }
  | {
      /** Names the state: there is nothing to follow. */
      readonly name: 'gone';
      /** Says why there is nothing to follow. */
      readonly error: StreamClientError;
    };

/** Says whether nothing leaves a state. */
export function isLast(state: FollowState): state is LastState {
  return state.name === 'ended' || state.name === 'gone' || state.name === 'closed';
}
