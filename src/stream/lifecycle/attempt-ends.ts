/** The follow-up of a commit by which a producer itself ended or paused its generation, wherever it works. */
import type { ProducerTransition } from '../interfaces/commits.js';
import { isActive } from '../model/transitions.js';
import type { JobRecord, StreamKey } from '../model/types.js';
import type { Parts } from '../process/parts.js';
import type { SlotOwner } from '../process/slot-keeper.js';
import type { Ender } from './ender.js';
import type { PauseNotices } from './pause-notices.js';
import type { Settler } from './settlement.js';

export class AttemptEnds {
  readonly #parts: Parts;
  readonly #steps: { readonly ender: Ender; readonly notices: PauseNotices; readonly settler: Settler };

  constructor(parts: Parts, steps: { ender: Ender; notices: PauseNotices; settler: Settler }) {
    this.#parts = parts;
    this.#steps = steps;
  }

  /** Tells those who wait for it, and gives back what the attempt had. */
  readonly onTransition = (
    owner: SlotOwner & { readonly key: StreamKey },
    name: ProducerTransition['name'],
    record: JobRecord,
  ): void => {
    const { observer, background, slots } = this.#parts;
    const { ender, notices } = this.#steps;
    observer.jobTransitioned(name, record.status);
    this.#parts.feed.tellSoon(owner.key, record);
    if (name === 'pause') background.run(notices.begin(owner.key, record));
    if (isActive(record.status)) background.run(slots.give(owner.key, owner));
    else ender.afterEnd(owner.key, record);
  };

  /** The producer has returned after a stop by others: the settlement need wait no longer. */
  readonly onLeft = ({ key }: { readonly key: StreamKey }, record: JobRecord | undefined): void => {
    if (record !== undefined) this.#parts.background.run(this.#steps.settler.settle(key, record));
  };
}
