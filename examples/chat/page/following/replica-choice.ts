/**
 * Which of the server's replicas this tab is on. Every answer says which one gave it, and behind a front also which ones
 * there are; a request may ask for one of them. The choice is the tab's own and outlives a reload; it is dropped when
 * that replica is no longer there.
 */
const KEY = 'chat.replica';

class ReplicaChoice {
  /** What the stream is followed on; before there is one, what answered last. */
  #current = '';
  #hasStream = false;
  #alive: readonly string[] = [];
  #wanted = sessionStorage.getItem(KEY) ?? '';
  #onChange: () => void = () => {};

  get current(): string {
    return this.#current;
  }

  get hasOthers(): boolean {
    return this.#alive.some((name) => name !== this.#current);
  }

  /** What a request carries to be answered by the chosen replica. */
  get headers(): Record<string, string> {
    return this.#wanted === '' ? {} : { 'x-replica': this.#wanted };
  }

  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  note({ headers }: Response, by: 'stream' | 'call'): void {
    const replica = headers.get('x-replica') ?? '';
    if (replica === '') return;
    this.#alive = headers.get('x-replicas')?.split(',') ?? [];
    if (this.#wanted !== '' && !this.#alive.includes(this.#wanted)) this.#want('');
    if (by === 'stream' || !this.#hasStream) this.#current = replica;
    this.#hasStream ||= by === 'stream';
    this.#onChange();
  }

  /** Asks for the one after the current one from now on. */
  next(): void {
    const place = this.#alive.indexOf(this.#current);
    this.#want(this.#alive[(place + 1) % this.#alive.length] ?? '');
    this.#hasStream = false;
  }

  #want(name: string): void {
    this.#wanted = name;
    if (name === '') sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, name);
  }
}

export const replicaChoice = new ReplicaChoice();
