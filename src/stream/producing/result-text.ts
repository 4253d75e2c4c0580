/** The result of a call as its receipt keeps it. A call that was made was made, whatever it gave: nothing here throws. */
import { nestsDeeperThan } from '../model/json-depth.js';
import type { Options } from '../model/options.js';
import { isSealedText } from '../model/seal.js';

/** Returns the JSON text of a result, that of null for nothing; undefined when it can't be kept. */
export function resultText(
  result: unknown,
  { receiptBytes, jsonDepth }: Options['limits'],
): string | undefined {
  let text: string | undefined;
  try {
    text = JSON.stringify(result ?? null);
  } catch {
    return undefined; // told by the receipt: its result is not kept
  }
  const isKept =
    text !== undefined &&
    Buffer.byteLength(text) <= receiptBytes &&
    !nestsDeeperThan(text, jsonDepth) &&
    !isSealedText(text);
  return isKept ? text : undefined;
}
