/**
 * One event's changes to a branch, made in place: nothing that grows with the run is copied or searched for a delta, so a
 * run of thousands of calls costs as many times one of a few. Parts are replaced, never written on.
 *
 * What finds a step or a call by its id is kept beside the branch and not in it, since the branch is the content that is
 * shown and stored; read back from JSON, it is made again with the first event.
 */

import { indexOf } from '../stream/model/fields.js';
import type { Branch, ContentPart, Step, StepCall } from './graph-content.js';
import { attributed } from './graph-parts.js';

/** A branch as its fold may change it. */
interface OwnBranch {
  readonly parts: ContentPart[];
  readonly bookkeeping: { next: number; readonly slots: number[]; readonly steps: Step[] };
}

interface Index {
  readonly steps: Map<string, Step>;
  /** The slot of each call, as its step has it, or else its part. */
  readonly calls: Map<string, number>;
}

const indexes = new WeakMap<OwnBranch['bookkeeping'], Index>();

export class BranchDraft {
  readonly #parts: ContentPart[];
  readonly #book: OwnBranch['bookkeeping'];

  constructor(branch: Branch) {
    const { parts, bookkeeping } = branch as OwnBranch;
    this.#parts = parts;
    this.#book = bookkeeping;
  }

  part(slot: number): ContentPart | undefined {
    const at = this.#placeOf(slot);
    return this.#book.slots[at] === slot ? this.#parts[at] : undefined;
  }

  /** Puts what `change` makes of the slot's part there, attributed as its step is. */
  change(
    slot: number,
    step: Step | undefined,
    change: (part: ContentPart | undefined) => ContentPart | undefined,
  ): void {
    const at = this.#placeOf(slot);
    const before = this.#book.slots[at] === slot ? this.#parts[at] : undefined;
    const changed = change(before);
    if (changed === undefined || changed === before) return;
    const after = attributed(changed, before, step);
    this.#noteCall(before?.tool_call?.id, after.tool_call?.id, slot);
    if (before !== undefined) {
      this.#parts[at] = after;
      return;
    }
    this.#parts.splice(at, 0, after);
    this.#book.slots.splice(at, 0, slot);
  }

  /** A slot nothing else has: the wanted one if it lies ahead, else the next. */
  allocate(wanted?: unknown): number {
    const slot = Math.max(this.#book.next, indexOf(wanted) ?? 0);
    this.#book.next = slot + 1;
    return slot;
  }

  step(id: unknown): Step | undefined {
    return typeof id === 'string' ? this.#index.steps.get(id) : undefined;
  }

  setStep(step: Step): void {
    const { steps } = this.#index;
    const known = steps.get(step.id);
    if (known === undefined) {
      this.#book.steps.push(step);
      steps.set(step.id, step);
    } else {
      // The list is not searched for it, so it stays the same object.
      for (const field of Object.keys(known)) delete (known as unknown as Record<string, unknown>)[field];
      Object.assign(known, step);
    }
    for (const { id, slot } of step.calls ?? []) this.#noteCall(undefined, id, slot);
  }

  /** Forgets the step if nothing more can be said of it; without one, every such step. */
  forgetDone(id?: string): void {
    const known = id === undefined ? undefined : this.#index.steps.get(id);
    if (known !== undefined && !this.#isDone(known)) return;
    const { steps } = this.#book;
    let kept = 0;
    for (const step of steps) {
      if (this.#isDone(step)) this.#forget(step);
      else steps[kept++] = step;
    }
    steps.length = kept;
  }

  /** Returns the slot of the call with this id, in whichever step. */
  slotOfCall(id: string | undefined): number | undefined {
    return id === undefined ? undefined : this.#index.calls.get(id);
  }

  /** The slot of the newest part that answers. */
  slotOfPart(answers: (part: ContentPart) => boolean): number | undefined {
    return this.#book.slots[this.#parts.findLastIndex(answers)];
  }

  get #index(): Index {
    const known = indexes.get(this.#book);
    if (known !== undefined) return known;
    const made: Index = { steps: new Map(), calls: new Map() };
    for (const [at, { tool_call: call }] of this.#parts.entries()) {
      if (call !== undefined) made.calls.set(call.id, this.#book.slots[at] as number);
    }
    for (const step of this.#book.steps) {
      made.steps.set(step.id, step);
      for (const { id, slot } of step.calls ?? []) if (id !== undefined) made.calls.set(id, slot);
    }
    indexes.set(this.#book, made);
    return made;
  }

  /** A call is known by its id; by another one than until now, the index is made again. */
  #noteCall(before: string | undefined, after: string | undefined, slot: number): void {
    if (after === undefined || before === after) return;
    const { calls } = this.#index;
    const known = calls.get(after);
    if (before || (known !== undefined && known !== slot)) indexes.delete(this.#book);
    else calls.set(after, slot);
  }

  #forget(step: Step): void {
    this.#index.steps.delete(step.id);
    for (const { id, slot } of step.calls ?? []) {
      if (id !== undefined && this.part(slot)?.tool_call?.id !== id) indexes.delete(this.#book);
    }
  }

  #isDone({ closed, calls }: Step): boolean {
    return closed === true && calls?.some((call) => this.#isAwaited(call)) !== true;
  }

  #isAwaited({ slot, id }: StepCall): boolean {
    const part = this.part(slot);
    return part === undefined
      ? id !== undefined
      : part.tool_call !== undefined && part.tool_call.progress !== 1;
  }

  /** Returns the index at which the slot's part is, or would be put. */
  #placeOf(slot: number): number {
    const { slots } = this.#book;
    let [low, high] = [0, slots.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((slots[middle] as number) < slot) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
