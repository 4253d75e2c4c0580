/**
 * The events between a connection and a loop that reads them. Each is held out until the loop takes it, so that a loop that
 * is slow holds up the connection, and with it the server, instead of piling events up here.
 */
export class EventQueue<Event> {
  #held: { readonly event: Event; readonly taken: () => void }[] = [];
  #end: { readonly error?: unknown } | undefined;
  #wake = () => {};

  /** Holds an event out; resolves when it is taken. */
  push(event: Event): Promise<void> {
    return new Promise((taken) => {
      this.#held.push({ event, taken });
      this.#wake();
    });
  }

  /** Says that nothing more comes. A reader gets what is held, and then the error if there is one. */
  end(end: { readonly error?: unknown } = {}): void {
    this.#end ??= end;
    this.#wake();
  }

  /** Drops what is held: nobody reads any more. */
  clear(): void {
    this.#held = [];
    this.end();
  }

  /** Gives the events to one reader. @throws what it was ended with, behind the last event */
  async *read(): AsyncGenerator<Event, undefined> {
    for (;;) {
      for (const { event, taken } of this.#held.splice(0)) {
        taken();
        yield event;
      }
      if (this.#held.length > 0) continue;
      if (this.#end?.error !== undefined) throw this.#end.error;
      if (this.#end) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
