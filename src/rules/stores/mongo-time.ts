/**
 * The server's clock, as an offset against this process's monotonic one: rules end by it on every replica, whatever each
 * machine's date is. It is asked for anew after a while, so a server whose clock was set is followed.
 */
import type { Clock } from '../../clock.js';
import { MINUTE } from '../../clock.js';
import { GenerationJobError } from '../../errors.js';
import type { Database } from '../../mongo-shapes.js';

export class MongoTime {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #known: { readonly offset: number; readonly until: number } | undefined;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** Milliseconds since 1970. @throws what the driver throws */
  async now(database: Database): Promise<number> {
    const askedAt = this.#clock.monotonic();
    const known = this.#known;
    if (known !== undefined && askedAt < known.until) return Math.floor(askedAt + known.offset);
    const { localTime } = await database.command({ hello: 1 });
    if (!(localTime instanceof Date))
      throw new GenerationJobError('unavailable', 'MongoDB did not say what time it is.');
    const answeredAt = this.#clock.monotonic();
    // As if it had been said half-way between question and answer.
    const offset = localTime.getTime() - (askedAt + answeredAt) / 2;
    this.#known = { offset, until: answeredAt + MINUTE };
    return Math.floor(answeredAt + offset);
  }
}
