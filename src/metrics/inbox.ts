/** The metrics of messages to generations that work. */
import type { MessageResult, StreamObserver } from '../stream/interfaces/observer.js';
import type { Makers } from './makers.js';

const RESULTS = [
  'accepted',
  'repeated',
  'full',
  'ended',
  'too_large',
  'not_found',
  'failed',
] as const satisfies readonly MessageResult[];
/** Seconds. A preempting message is taken at once, one that steers after the tool call under way. */
const WAIT_SECONDS = [0.05, 0.25, 1, 2.5, 5, 15, 30, 60, 300];

export function observeInbox(make: Makers) {
  const sent = make.counterBy(
    'messages_sent_total',
    'Messages sent to generations by this process',
    'result',
    RESULTS,
  );
  const waits = make.histogram(
    'message_wait_seconds',
    'Time from accepting a message to its producer’s taking it',
    WAIT_SECONDS,
  );
  const unsent = make.counter(
    'messages_unsent_total',
    'Messages that waited when this process ended their generations',
  );
  return {
    messageSent: (result) => sent(result),
    messageTaken: (waitedMs) => waits.observe(waitedMs / 1000),
    messagesUnsent: (count) => unsent.inc(count),
  } satisfies Partial<StreamObserver>;
}
