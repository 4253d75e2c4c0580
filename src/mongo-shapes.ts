/**
 * The part of mongoose and its driver that is used: their types differ between versions, so there is no more.
 */

export interface MongooseLike {
  /** Gives the driver's client, of a connection that was opened. */
  getClient(): unknown;
  /** The name of its database. */
  readonly name?: string | undefined;
  /** The mongoose it belongs to. */
  readonly base?: { readonly version?: string | undefined } | undefined;
}

export type Document = Readonly<Record<string, unknown>>;

export interface Client {
  db(name: string | undefined, options: object): Database;
}

export interface Database {
  collection(name: string): Collection;
  /** Runs a command of the server's. */
  command(command: object): Promise<Document>;
}

export interface Collection {
  createIndex(keys: object, options?: object): Promise<unknown>;
  findOne(filter: object, options: object): Promise<Document | null>;
  find(filter: object, options: object): { toArray(): Promise<Document[]> };
  insertOne(document: object): Promise<unknown>;
  findOneAndUpdate(filter: object, update: object, options: object): Promise<Document | null>;
  deleteMany(filter: object): Promise<unknown>;
}

/**
 * Deletes all that match. Drivers repeat other writes whose connection broke, but not those of many documents; a deletion
 * may be repeated, so it is, once.
 */
export async function deleteAll(collection: Collection, filter: object): Promise<void> {
  try {
    await collection.deleteMany(filter);
  } catch {
    await collection.deleteMany(filter); // what fails for good fails again, and is told
  }
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
