/**
 * The part of mongoose and its driver that is used: their types differ between versions, so there is no more.
 */

export interface MongooseLike {
  /** Gives the driver's client, of an open connection. */
  getClient(): unknown;
  /** 1 when it is open. */
  readonly readyState: number;
  /** The name of its database. */
  readonly name?: string | undefined;
  /** The mongoose it belongs to. */
  readonly base?: { readonly version?: string | undefined } | undefined;
}

export type Document = Readonly<Record<string, unknown>>;

export interface Database {
  collection(name: string): Collection;
}

export interface Collection {
  createIndex(keys: object, options?: object): Promise<unknown>;
  findOne(filter: object, options: object): Promise<Document | null>;
  find(filter: object, options: object): { toArray(): Promise<Document[]> };
  insertOne(document: object): Promise<unknown>;
  findOneAndUpdate(filter: object, update: object, options: object): Promise<Document | null>;
  deleteMany(filter: object): Promise<unknown>;
}

const DUPLICATE_KEY = 11_000;

/** Says whether a unique index refused a document. */
export function isDuplicate(error: unknown): boolean {
  return (error as { readonly code?: unknown } | null)?.code === DUPLICATE_KEY;
}

/** Returns bytes as a driver gives them: as they are, or in an object of its own that may have room to spare. */
export function binaryOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  const { buffer, position } = (value ?? {}) as { readonly buffer?: unknown; readonly position?: unknown };
  if (!(buffer instanceof Uint8Array)) return undefined;
  return typeof position === 'number' ? buffer.subarray(0, position) : buffer;
}
