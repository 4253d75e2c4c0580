/** A path means one route, or none of ours. Everything else is left to whoever is mounted beside us. */
import { GenerationJobError } from '../errors.js';
import { isStreamId } from '../stream/model/stream-key.js';
import { MESSAGE_ROUTES, type MessageRoute } from './message-routes.js';
import { QUEUE_CHANGES, type QueueRoute } from './queue-routes.js';

export type RouteName =
  | 'stream'
  | 'status'
  | 'active'
  | 'abort'
  | 'resume'
  | 'feed'
  | 'seen'
  | 'rules'
  | 'rule'
  | MessageRoute
  | QueueRoute;

export interface MatchedRoute {
  readonly name: RouteName;
  /** The last part of the path as it came; empty for routes without one. */
  readonly segment: string;
}

export const METHODS = {
  stream: ['GET', 'HEAD', 'OPTIONS'],
  status: ['GET', 'HEAD', 'OPTIONS'],
  active: ['GET', 'HEAD', 'OPTIONS'],
  abort: ['POST', 'OPTIONS'],
  resume: ['POST', 'OPTIONS'],
  messages: ['POST', 'OPTIONS'],
  'messages/edit': ['POST', 'OPTIONS'],
  'messages/cancel': ['POST', 'OPTIONS'],
  'messages/claim': ['POST', 'OPTIONS'],
  queue: ['GET', 'HEAD', 'OPTIONS'],
  // A stream may be called so, too: its queue is read.
  'queue/cancel': ['GET', 'HEAD', 'POST', 'OPTIONS'],
  'queue/move': ['GET', 'HEAD', 'POST', 'OPTIONS'],
  'queue/resume': ['GET', 'HEAD', 'POST', 'OPTIONS'],
  feed: ['GET', 'HEAD', 'OPTIONS'],
  seen: ['POST', 'OPTIONS'],
  rules: ['GET', 'HEAD', 'OPTIONS'],
  rule: ['DELETE', 'OPTIONS'],
} as const satisfies Record<RouteName, readonly string[]>;

/** The routes whose path is their name. */
const ALONE = ['active', 'abort', 'resume', 'feed', 'seen', 'rules'] as const satisfies readonly RouteName[];
/** Every character of the longest id, percent-encoded. */
const LONGEST_SEGMENT = 3 * 128;

/** Finds the route of a path, which begins with `/`; one `/` at its end is ignored. */
export function matchRoute(path: string): MatchedRoute | undefined {
  const [before, first, second, third, ...rest] = path.split('/', 6);
  if (before !== '' || rest.length > 0 || (third !== undefined && third !== '')) return undefined;
  if (first === 'stream' || first === 'status') return second ? { name: first, segment: second } : undefined;
  if (first === 'rules' && second) return { name: 'rule', segment: second };
  if (first === 'queue') return second ? { name: queueRouteOf(second), segment: second } : undefined;
  const alone = ALONE.find((one) => one === first);
  if (alone !== undefined) {
    const isAlone = second === undefined || (second === '' && third === undefined);
    return isAlone ? { name: alone, segment: '' } : undefined;
  }
  const name = MESSAGE_ROUTES.find((one) => one === (second ? `${first}/${second}` : first));
  return name && { name, segment: '' };
}

function queueRouteOf(segment: string): QueueRoute {
  return QUEUE_CHANGES.find((one) => one === `queue/${segment}`) ?? 'queue';
}

/** Reads the stream id in a path. @throws GenerationJobError `invalid_stream_id` */
export function streamIdOf(segment: string): string {
  const streamId = segment.length <= LONGEST_SEGMENT ? decode(segment) : undefined;
  if (!isStreamId(streamId)) throw new GenerationJobError('invalid_stream_id', 'The stream id is malformed.');
  return streamId;
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined; // a stray % can't be part of an id
  }
}
