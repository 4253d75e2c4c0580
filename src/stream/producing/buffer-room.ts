/** One promise for all who wait until a buffer has room, made for the first of them. */
export class BufferRoom {
  #promise: Promise<void> | undefined;
  #resolve: () => void = () => {};

  get isAwaited(): boolean {
    return this.#promise !== undefined;
  }

  wait(): Promise<void> {
    this.#promise ??= new Promise<void>((resolve) => {
      this.#resolve = resolve;
    });
    return this.#promise;
  }

  /** Lets all go on that wait. */
  give(): void {
    this.#resolve();
    this.#promise = undefined;
  }
}
