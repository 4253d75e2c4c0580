/**
 * Retryable writes: a driver whose connection dies between a write and its reply sends the write again with the same
 * number, and must get the first one's reply, not a second write. A session has one write at a time, so its last reply
 * is all there is to keep.
 */
import type { Document, Long } from 'bson';
import { CommandFailure } from './errors.js';

export class Sessions {
  readonly #last = new Map<string, { readonly number: Long; readonly reply: Document }>();

  /** @throws {CommandFailure} TransactionTooOld for a number before the session's last */
  once(session: Document, number: Long, write: () => Document): Document {
    const key = session.id.toString('hex');
    const last = this.#last.get(key);
    if (last?.number.equals(number)) return last.reply;
    if (last?.number.greaterThan(number))
      throw new CommandFailure('TransactionTooOld', `Retryable write with txnNumber ${number} is too old`);
    // A write that is refused as a whole changed nothing: its retry may be asked afresh.
    const reply = write();
    this.#last.set(key, { number, reply });
    return reply;
  }

  end(sessions: readonly Document[]): void {
    for (const { id } of sessions) this.#last.delete(id.toString('hex'));
  }
}
