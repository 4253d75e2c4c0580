/**
 * Where the page stands in a stream, and whether an event is the next one. Sequences have no gaps and generations only
 * grow, so anything but the successor is a fault of the connection or the server, and is told instead of shown.
 */
export interface Cursor {
  readonly generation: number;
  readonly sequence: number;
}

export function parseCursor(text: string): Cursor {
  const match = /^([0-9]{1,16})-([0-9]{1,16})$/.exec(text);
  return { generation: Number(match?.[1]), sequence: Number(match?.[2]) };
}

/** Whether `next` comes right after `place`; null is a place before everything, or before a `sync`. */
export function isNext(place: Cursor | null, next: Cursor, event: string): boolean {
  // A sync says where it stands and what came before; a loss is announced before it, so it may also go back.
  if (event === 'sync') return true;
  if (place !== null && next.generation === place.generation) return next.sequence === place.sequence + 1;
  return next.sequence === 1 && next.generation > (place?.generation ?? 0);
}
