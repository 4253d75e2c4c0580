/**
 * The last commit of an attempt, from when it is asked for until it is answered. Most are the attempt's last word, whatever the
 * answer is. One that wants an empty inbox may be refused, and then the attempt goes on: whatever rests on whether it is over
 * waits for the answer.
 */
import type { CommitReply, ProducerTransition } from '../interfaces/commits.js';
import type { SerialisedEvent } from '../model/types.js';

/** An attempt that may be over, or of which nobody knows yet. */
export interface MayBeOver {
  /** Resolves when an end is answered that may be refused; undefined when none is under way. */
  undecided(): Promise<unknown> | undefined;
  /** @throws JobEndedError when the attempt is over, or its end was asked for */
  throwIfOver(): void;
}

/** Waits until it is known whether an attempt is over. @throws JobEndedError when it is */
export async function throwIfOver(attempt: MayBeOver): Promise<void> {
  const undecided = attempt.undecided();
  if (undecided) await undecided;
  attempt.throwIfOver();
}

export class EndUnderWay {
  readonly transition: ProducerTransition;
  readonly event: SerialisedEvent;
  readonly answer: Promise<CommitReply>;
  /** Resolves after what waits for the answer itself has gone on with it. Never rejects. */
  readonly answered: Promise<unknown>;
  resolve: (reply: CommitReply) => void = () => {};
  reject: (error: unknown) => void = () => {};

  constructor(transition: ProducerTransition, event: SerialisedEvent) {
    this.transition = transition;
    this.event = event;
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.answered = Promise.allSettled([this.answer]);
  }
}
