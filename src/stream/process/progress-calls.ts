/**
 * Calls the host's `onProgress`: one call at a time for each generation in this process, and the newest content wins, so
 * that a slow host is told less often and never something older than before.
 */
import type { Hooks, ProgressInput } from '../interfaces/manager-types.js';
import type { StreamKey } from '../model/types.js';
import { callHook, type HookReportContext, type HostCodeContext } from './host-code.js';

export type Progress = Omit<ProgressInput, 'signal'>;

/** Reads what the host is told, when its turn has come; null when there is nothing to tell. */
type Read = () => Promise<Progress | null>;

interface Telling {
  /** Waits for the call under way to end; undefined when none waits. */
  next: Read | undefined;
  /** Resolves when nothing is under way any more. */
  readonly done: Promise<void>;
}

type Context = HostCodeContext & HookReportContext & { readonly hooks: Pick<Hooks, 'onProgress'> };

export class ProgressCalls {
  readonly #context: Context;
  readonly #tellings = new Map<string, Telling>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** False when the host does not want to be told. */
  get isWanted(): boolean {
    return this.#context.hooks.onProgress !== undefined;
  }

  /** Tells the host, after the call under way and in place of one that waits for that. Resolves when it has been told; never rejects. */
  tell(key: StreamKey, generation: number, read: Read): Promise<void> {
    const name = `${key.id}/${generation}`;
    const under = this.#tellings.get(name);
    if (under !== undefined) {
      under.next = read;
      return under.done;
    }
    const telling: Telling = {
      next: read,
      // A turn later, when the telling is in its place.
      done: Promise.resolve().then(() => this.#tellAll(name, telling)),
    };
    this.#tellings.set(name, telling);
    return telling.done;
  }

  async #tellAll(name: string, telling: Telling): Promise<void> {
    try {
      for (let read = telling.next; read !== undefined; read = telling.next) {
        telling.next = undefined;
        await this.#call(read);
      }
    } finally {
      // In the turn that has found nothing more: what is asked in a later one begins anew.
      this.#tellings.delete(name);
    }
  }

  async #call(read: Read): Promise<void> {
    const { hooks } = this.#context;
    const over = new AbortController();
    await callHook(
      this.#context,
      'onProgress',
      async () => {
        const progress = await read();
        if (progress !== null) await hooks.onProgress?.({ ...progress, signal: over.signal });
      },
      undefined,
    );
    over.abort();
  }
}
