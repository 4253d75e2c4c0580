/**
 * A queue from one writer to one reader. The writer waits while it is full, the reader while it is empty; so what reads a
 * pipe stands still, and the pipe fills, when what comes out of it can't be taken.
 */
export class BoundedQueue<Item> {
  readonly #most: number;
  readonly #items: { readonly item: Item; readonly weight: number }[] = [];
  #weight = 0;
  #onRoom: (() => void) | undefined;
  #onItem: (() => void) | undefined;

  /** @param most the weight beyond which a writer waits; a single item may weigh more */
  constructor(most: number) {
    this.#most = most;
  }

  /** True while a writer waits. */
  get isFull(): boolean {
    return this.#weight >= this.#most;
  }

  /** Adds an item. Resolves when there is room for the next one. */
  async put(item: Item, weight: number): Promise<void> {
    this.#items.push({ item, weight });
    this.#weight += weight;
    this.#onItem?.();
    while (this.isFull) {
      await new Promise<void>((resolve) => {
        this.#onRoom = resolve;
      });
    }
  }

  /** Takes the oldest item, when there is one. */
  async take(): Promise<Item> {
    for (;;) {
      const taken = this.#items.shift();
      if (taken !== undefined) {
        this.#weight -= taken.weight;
        this.#onRoom?.();
        return taken.item;
      }
      await new Promise<void>((resolve) => {
        this.#onItem = resolve;
      });
    }
  }
}
