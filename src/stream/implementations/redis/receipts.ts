/**
 * The receipts of a generation, as redis-lua/include/receipts.lua keeps them: a field each, `<state> <attempt> <runs> <begun at>
 * <changed at> <call id> <result>`. In a listing, one that can't be read counts as begun: nobody knows what has become of it.
 */
import type { Page } from '../../interfaces/job-store.js';
import type { ReceiptCommit } from '../../interfaces/receipt-commits.js';
import type { ReceiptState, StoredReceipt } from '../../model/receipt.js';
import { wholeNumber } from './fields.js';

const STATES: readonly ReceiptState[] = ['begun', 'finished', 'failed'];
const ANY = '*';
/** The texts before the result. */
const HEAD = 6;

export function receiptArguments(commit: ReceiptCommit): readonly (string | number)[] {
  const { generation, attempt, name, step, callId, over, result, most } = commit;
  return [
    ...[generation, attempt, name, step, callId],
    over === 'any' ? ANY : (over?.callId ?? ''),
    result ?? '',
    most,
  ];
}

/** Reads the answer of the script that lists. */
export function receiptPageOf(reply: unknown): Page<StoredReceipt> {
  const [next = '', ...flat] = reply as string[];
  const entries: StoredReceipt[] = [];
  for (let at = 0; at < flat.length; at += 2)
    entries.push(decodeReceipt(flat[at] as string, flat[at + 1] as string));
  return { entries, next: next === '' ? undefined : next };
}

export function decodeReceipt(name: string, text: string): StoredReceipt {
  const head: string[] = [];
  let at = 0;
  while (head.length < HEAD) {
    const end = text.indexOf(' ', at);
    if (end < at) return unreadable(name);
    head.push(text.slice(at, end));
    at = end + 1;
  }
  const state = STATES.find((one) => one === head[0]);
  const [attempt, runs, begunAt, changedAt] = head.slice(1, HEAD - 1).map(wholeNumber);
  const isRead =
    attempt !== undefined && runs !== undefined && begunAt !== undefined && changedAt !== undefined;
  if (state === undefined || !isRead) return unreadable(name);
  const result = text.slice(at);
  const callId = head[HEAD - 1] as string;
  return {
    ...{ name, state, attempt, runs, begunAt, changedAt, callId },
    ...(result !== '' && { result }),
  };
}

function unreadable(name: string): StoredReceipt {
  return { name, state: 'begun', attempt: 0, runs: 0, begunAt: 0, changedAt: 0, callId: '' };
}
