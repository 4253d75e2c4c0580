/**
 * The meaning of what a feed's connection brings: where each stream stands. An event has all there is of its stream, so a newer
 * one takes the place of the one before, and one that is known already is dropped.
 */
import type { EventSourceMessage } from 'eventsource-parser';
import type { FeedPayloads, FeedStream } from '../stream/model/feed.js';
import { StreamClientError } from './errors.js';
import { placeIn } from './place.js';
import { parsedData, type ReadEvent } from './stream-reader.js';

export class FeedReader {
  cursor = '';
  /** The streams by their ids, those that changed last behind the others. */
  readonly streams = new Map<string, FeedStream>();
  /** A feed has no end. */
  readonly hasAll = false;

  get query(): Readonly<Record<string, string | undefined>> {
    return { after: this.cursor || undefined };
  }

  isLast(): boolean {
    return false;
  }

  startOver(): boolean {
    const hadPlace = this.cursor !== '';
    this.cursor = '';
    return hadPlace;
  }

  /** @throws StreamClientError `bad_answer` for what the route doesn't send */
  read({ id, event, data: text }: EventSourceMessage): ReadEvent | undefined {
    if (event === undefined || id === undefined) return undefined;
    const [place, known] = [placeIn(id), placeIn(this.cursor)];
    if (!place) throw new StreamClientError('bad_answer', `cursor ${id}`);
    if (event !== 'sync' && known && place.sequence <= known.sequence) return undefined;
    const data = parsedData(text);
    this.#apply(event, data as FeedPayloads[keyof FeedPayloads]);
    this.cursor = id;
    return { cursor: id, event, data };
  }

  #apply(event: string, data: Partial<FeedStream & FeedPayloads['sync']>): void {
    const { streamId, status, streams } = data;
    if (event === 'sync') this.streams.clear();
    for (const stream of streams ?? []) this.streams.set(stream.streamId, stream);
    if (streamId === undefined) return;
    this.streams.delete(streamId);
    // What a later release tells of a stream, and is no state of it, changes nothing here.
    if (status !== undefined) this.streams.set(streamId, data as FeedStream);
  }
}
