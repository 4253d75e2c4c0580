/** The step of a tool call's receipt, as a store takes it. */
import type { StreamKey } from '../model/types.js';

/**
 * A step of the receipt of one call: that it begins, has finished, or has failed. Answered with the receipt that stands.
 *
 * A `begin` is fenced: refused as a producer's commit is, and as `receipts` when it would be one more than `most`. It is taken
 * where there is no receipt, where the call has failed, and where it is unknown (`begun`) and `over` names it. Otherwise it
 * changes nothing: what has finished is never begun again. Made again under its call id, it is the same begin.
 *
 * A `finish` and a `fail` are not fenced, since they are true whoever produces by then: they are taken in every state of a
 * kept generation, from the call that began last alone. Any other is refused as `call`, and a repeat answered `ok`.
 */
export interface ReceiptCommit {
  /** Tells the kinds of commit apart. */
  readonly writer: 'receipts';
  /** The stream that is written to. */
  readonly key: StreamKey;
  /** The generation that makes the call. */
  readonly generation: number;
  /** The attempt that makes it. */
  readonly attempt: number;
  /** The name of the call: 1 to 256 characters. */
  readonly name: string;
  /** Says whether the call begins, or what it has come to. */
  readonly step: 'begin' | 'finish' | 'fail';
  /** Names this making of the call: one for its `begin` and for what it comes to. */
  readonly callId: string;
  /**
   * The call whose place a `begin` may take although its outcome is unknown: `any` is each of an earlier attempt. Left out,
   * it takes none's.
   */
  readonly over?: { readonly callId: string } | 'any' | undefined;
  /** The result of a `finish` as JSON text; left out when it is not kept. */
  readonly result?: string | undefined;
  /** The most receipts of a generation. */
  readonly most: number;
}
