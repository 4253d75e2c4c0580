/**
 * A message that somebody sent while an answer was made, as a part of that answer: a part of data, which both lines of the AI SDK
 * take, since what a host lets people send is not a message of the AI SDK.
 */
import { takenIn } from '../stream/model/inbox-message.js';

/** The type of the part, and of its chunk. */
export const SENT_PART = 'data-inbox-message';

/** Returns the chunk of an event `message`; undefined for a host's event of that name, as older logs may have. */
export function chunkOfSent(data: unknown): { type: string; id: string; data: unknown } | undefined {
  const taken = takenIn(data);
  return taken && { type: SENT_PART, id: taken.messageId, data: taken };
}
