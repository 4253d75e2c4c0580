/**
 * One event's changes to a branch: what is read is the branch, what is written are copies of the part and the lists it
 * touches. So content that was handed out stays as it was, and a delta costs one new part and a list of pointers.
 */
import type { Branch, ContentPart, Step, StepCall } from './graph-content.js';
import { indexOf } from './graph-events.js';
import { attributed } from './graph-parts.js';

export class BranchDraft {
  #parts: readonly ContentPart[];
  #slots: readonly number[];
  #next: number;
  #steps: readonly Step[];

  constructor({ parts, bookkeeping }: Branch) {
    this.#parts = parts;
    this.#slots = bookkeeping.slots;
    this.#next = bookkeeping.next;
    this.#steps = bookkeeping.steps;
  }

  /** The branch with the changes; itself when there are none. */
  appliedTo<B extends Branch>(branch: B): B {
    const { slots, next, steps } = branch.bookkeeping;
    const isSameBook = this.#slots === slots && this.#next === next && this.#steps === steps;
    if (isSameBook && this.#parts === branch.parts) return branch;
    const bookkeeping = isSameBook
      ? branch.bookkeeping
      : { next: this.#next, slots: this.#slots, steps: this.#steps };
    return { ...branch, parts: this.#parts, bookkeeping };
  }

  part(slot: number): ContentPart | undefined {
    const at = this.#placeOf(slot);
    return this.#slots[at] === slot ? this.#parts[at] : undefined;
  }

  /** Puts what `change` makes of the slot's part there, attributed as its step is. */
  change(
    slot: number,
    step: Step | undefined,
    change: (part: ContentPart | undefined) => ContentPart | undefined,
  ): void {
    const at = this.#placeOf(slot);
    const before = this.#slots[at] === slot ? this.#parts[at] : undefined;
    const changed = change(before);
    if (changed === undefined || changed === before) return;
    const after = attributed(changed, before, step);
    if (before !== undefined) {
      this.#parts = this.#parts.with(at, after);
      return;
    }
    this.#parts = this.#parts.toSpliced(at, 0, after);
    this.#slots = this.#slots.toSpliced(at, 0, slot);
  }

  /** A slot nothing else has: the wanted one if it lies ahead, else the next. */
  allocate(wanted?: unknown): number {
    const slot = Math.max(this.#next, indexOf(wanted) ?? 0);
    this.#next = slot + 1;
    return slot;
  }

  step(id: unknown): Step | undefined {
    return this.#steps.findLast((step) => step.id === id);
  }

  setStep(step: Step): void {
    const at = this.#steps.findLastIndex(({ id }) => id === step.id);
    this.#steps = at === -1 ? [...this.#steps, step] : this.#steps.with(at, step);
  }

  /** Forgets the steps that nothing more can be said of. */
  forgetDone(): void {
    const kept = this.#steps.filter(
      ({ closed, calls }) => !closed || calls?.some((call) => this.#isAwaited(call)),
    );
    if (kept.length < this.#steps.length) this.#steps = kept;
  }

  /** Where the call of this id is, in whichever step. */
  slotOfCall(id: string | undefined): number | undefined {
    if (id === undefined) return undefined;
    for (let at = this.#steps.length - 1; at >= 0; at--) {
      const call = this.#steps[at]?.calls?.find((one) => one.id === id);
      if (call !== undefined) return call.slot;
    }
    return this.slotOfPart((part) => part.tool_call?.id === id);
  }

  /** The slot of the newest part that answers. */
  slotOfPart(answers: (part: ContentPart) => boolean): number | undefined {
    return this.#slots[this.#parts.findLastIndex(answers)];
  }

  #isAwaited({ slot, id }: StepCall): boolean {
    const part = this.part(slot);
    return part === undefined
      ? id !== undefined
      : part.tool_call !== undefined && part.tool_call.progress !== 1;
  }

  /** Where the slot's part is, or would be put. */
  #placeOf(slot: number): number {
    let [low, high] = [0, this.#slots.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#slots[middle] as number) < slot) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
