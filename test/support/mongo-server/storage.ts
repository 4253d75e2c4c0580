/**
 * Everything the server holds, by database and collection. It outlives a restart of the server.
 */
import { Collection } from './collection.js';

export class Storage {
  readonly #databases = new Map<string, Map<string, Collection>>();

  get databases(): string[] {
    return [...this.#databases.keys()];
  }

  collections(database: string): string[] {
    return [...(this.#databases.get(database)?.keys() ?? [])];
  }

  find(database: string, name: string): Collection | undefined {
    return this.#databases.get(database)?.get(name);
  }

  /** For one that isn't there stands an empty one, which is not kept. */
  findOrEmpty(database: string, name: string): Collection {
    return this.find(database, name) ?? new Collection(`${database}.${name}`);
  }

  /** A collection comes into being with the first thing put into it. */
  findOrCreate(database: string, name: string): Collection {
    const collections = this.#databases.get(database) ?? new Map<string, Collection>();
    const collection = this.findOrEmpty(database, name);
    this.#databases.set(database, collections.set(name, collection));
    return collection;
  }

  drop(database: string, name: string): boolean {
    const collections = this.#databases.get(database);
    const isDropped = collections?.delete(name) ?? false;
    if (collections?.size === 0) this.#databases.delete(database);
    return isDropped;
  }

  dropDatabase(database: string): void {
    this.#databases.delete(database);
  }

  /** @returns how many documents had expired */
  sweep(now: number): number {
    let expired = 0;
    for (const collections of this.#databases.values())
      for (const collection of collections.values()) expired += collection.sweep(now);
    return expired;
  }
}
