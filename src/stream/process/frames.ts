/** Frames on their way to followers, from a store that does not publish by itself. */
import type { EventTransport } from '../interfaces/event-transport.js';
import type { Frame } from '../model/types.js';

/** Hands the frames of a store that does not publish by itself to the transport. */
export function publishFrames(
  { transport }: { readonly transport: Pick<EventTransport, 'publish'> },
  frames: readonly Frame[],
  emittedAt?: number,
): void {
  for (const frame of frames) {
    frame.emittedAt = emittedAt;
    transport.publish(frame);
  }
}
