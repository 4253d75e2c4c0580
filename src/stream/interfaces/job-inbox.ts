/** The inbox as a producer has it: `job.inbox`. */
import type { EarlierMessage, InboxMessage, TakenMessage } from '../model/inbox-message.js';

/**
 * The messages that were sent to a generation while it works, first in first out. Iterating takes each as it comes, and ends
 * when the handle is over. A worker's job takes none: its inbox is always empty, and what is sent to it is left unsent.
 */
export interface JobInbox extends AsyncIterable<TakenMessage> {
  /**
   * The number of messages that are known here to wait. A message is known as soon as it was announced, and no later than one
   * renewal (`renewMs`, 5 s by default) after it was accepted.
   */
  readonly waiting: number;

  /**
   * Resolves with true once a message is known to wait, at once when one does, and with false when the handle is over.
   */
  arrived(): Promise<boolean>;

  /**
   * Calls the listener whenever a message may have come, or wait no longer, until the returned function is called or the handle
   * is over. What the listener throws is told to `onError`.
   */
  watch(listener: () => void): () => void;

  /**
   * Lists what waits, without taking it. No call of the store when nothing is known to wait.
   * @throws GenerationJobError `unavailable`, `store_damaged` · JobEndedError when this handle is over
   */
  peek(): Promise<readonly InboxMessage[]>;

  /**
   * Takes the first message that waits: commits the event `message`, and that it waits no longer, in one step, and resolves
   * when that is answered. All followers see the message at that place of the answer, once. Null when none is known to wait.
   *
   * After a crash it stays taken where the answer goes on (`recoverMode` `continue`), where `taken` lists it, and waits again where
   * it starts over. Calls are made one after the other. While an end with `ifInboxEmpty` is on its way they wait for its answer.
   * @throws JobEndedError when this handle is over, or becomes so before the commit was answered: the message is then in the
   *   log, or waits for the next attempt, or is left unsent · GenerationJobError `unavailable`, `store_damaged`: it waits ·
   *   `limit_exceeded` when the generation has become too large, which fails the job
   * @example
   * const message = await job.inbox.take();
   * if (message !== null) console.log(`also asked: ${message.message}`);
   */
  take(): Promise<TakenMessage | null>;

  /**
   * Lists what earlier attempts have taken and does not wait again, in the order in which it was accepted: for an attempt that
   * goes on where its model, or its state, is that of an earlier moment. Empty in the first attempt, and where the answer has
   * started over since. One call of the store.
   * @throws as `peek`
   * @example
   * for (const { attempt, message } of await job.inbox.taken()) console.log(`asked in attempt ${attempt}: ${message}`);
   */
  taken(): Promise<readonly EarlierMessage[]>;
}
