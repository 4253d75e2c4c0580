/**
 * A transport that does what the contract allows it to: loses, repeats, delays and reorders. It works on what arrives,
 * so it serves transports whose store publishes as well as those whose manager does.
 */
import type { Clock } from '../clock.js';
import type { EventTransport, FrameListener } from '../stream/interfaces/event-transport.js';
import type { Frame } from '../stream/model/types.js';

export interface Losses {
  /** Says how a frame arrives: once for each delay in milliseconds, 0 being at once. */
  readonly frame?: (frame: Frame) => readonly number[];
  /** Says whether the news that a stream was deleted is lost, asked each time. Default: it is not. */
  readonly gone?: () => boolean;
  /** Says whether a signal to a producer is lost, asked each time. Default: it is not. */
  readonly signal?: () => boolean;
}

/** Makes a transport of another that delays, repeats and loses what it brings. */
export function lossyTransport(inner: EventTransport, clock: Clock, losses: Losses): EventTransport {
  const listening = (listener: FrameListener): FrameListener => ({
    onFrame: (frame) => {
      for (const delay of losses.frame?.(frame) ?? [0]) {
        if (delay === 0) listener.onFrame(frame);
        else clock.setTimeout(() => listener.onFrame(frame), delay);
      }
    },
    onGone: () => {
      if (!losses.gone?.()) listener.onGone();
    },
    onReset: () => listener.onReset(),
  });
  return {
    kind: inner.kind,
    get failing() {
      return inner.failing;
    },
    start: (report) => inner.start(report),
    subscribe: (key, listener) => inner.subscribe(key, listening(listener)),
    publish: (frame) => inner.publish(frame),
    publishGone: (key) => inner.publishGone(key),
    signal: (signal) => inner.signal(signal),
    onSignal: (listener) =>
      inner.onSignal((signal) => {
        if (!losses.signal?.()) listener(signal);
      }),
    close: () => inner.close(),
  };
}

/** Everything that travels is lost. */
export const DEAF: Losses = { frame: () => [], gone: () => true, signal: () => true };
