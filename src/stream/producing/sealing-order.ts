/**
 * A host's seal may take its time over a patch of metadata, and a patch that came later must not be overtaken by one that
 * came before it. Patches that are there at once are taken at once, as if there were no seal.
 */
import { serialiseMetadata } from '../model/events.js';
import type { Parts } from '../process/parts.js';
import type { MetadataTexts, NamedGeneration } from '../process/seals.js';

export class SealingOrder {
  readonly #parts: Pick<Parts, 'seals' | 'options'>;
  #newest: Promise<unknown> | undefined;

  constructor(parts: Pick<Parts, 'seals' | 'options'>) {
    this.#parts = parts;
  }

  /** Resolves when every patch given so far is taken, or has failed; undefined when none is waited for. Never rejects. */
  get underWay(): Promise<unknown> | undefined {
    return this.#newest;
  }

  /**
   * Gives a patch to `take` once it is sealed and all before it are taken; undefined, for none, too. What `take` promises is
   * for the caller alone to await. @throws what `serialiseMetadata` and `Seals.metadata` throw
   */
  async take<Taken>(
    patch: Readonly<Record<string, unknown>> | undefined,
    generation: NamedGeneration,
    take: (texts: MetadataTexts | undefined) => Promise<Taken>,
  ): Promise<Taken> {
    const { seals, options } = this.#parts;
    const sealed = patch && seals.metadata(serialiseMetadata(patch, options.limits), generation);
    const before = this.#newest;
    if (before === undefined && !(sealed instanceof Promise)) return take(sealed);
    const turn = Promise.allSettled([before, sealed]).then(async () => [take(await sealed)] as const);
    const isTaken = Promise.allSettled([turn]).then(() => {
      if (this.#newest === isTaken) this.#newest = undefined;
    });
    this.#newest = isTaken;
    const [taken] = await turn;
    return taken;
  }
}
