/** The call that most users begin with. */
import type { ContentOf, HostTypes, Untyped } from '../stream/model/host-types.js';
import { Following } from './following.js';
import { checkFollowOptions, type FollowOptions } from './options.js';

/**
 * Follows a stream at the address of its route. Each event comes once and in order, over as many connections as it takes:
 * one that is lost, refused for now, or has fallen silent is made anew from the last cursor. It ends with the answer.
 *
 * @param url the address of `GET /stream/:streamId` of the library's routes; absolute outside a page
 * @throws StreamClientError `invalid_options` naming each option that is unknown or of another kind
 * @example
 * for await (const { event, data } of followStream(`/api/chat/stream/${streamId}`, { resume: true })) {
 *   show([event, data]);
 * }
 */
export function followStream<Types extends HostTypes = Untyped, Content = ContentOf<Types>>(
  url: string,
  options: FollowOptions<Types, Content> = {},
): Following<Types, Content> {
  checkFollowOptions(options);
  return new Following(url, options);
}
