/**
 * Tells the server's word from no word. A refusal that it would repeat for as long as the keys and rights are as they are
 * is certain: nothing was changed, and asking again is in vain. Everything else counts as no answer, since a state of the
 * server passes and every write of ours is recognised when it comes again: LOADING, BUSY, READONLY, CLUSTERDOWN,
 * MASTERDOWN, TRYAGAIN, MOVED, NOREPLICAS, MISCONF (can't save), OOM, NOAUTH (a password that is being changed), a link
 * that broke, a time that was over.
 */
import { GenerationJobError } from '../../errors.js';
import { unreadable } from './redis-codec.js';

const CERTAIN: readonly (readonly [RegExp, string])[] = [
  [/^DAMAGED (.+?) can not be read/, 'Redis has what can’t be read:'],
  [/^WRONGTYPE\b/, 'Redis has another type of key than the library writes:'],
  [/^NOPERM\b/, 'Redis denies a right (see "Rights" in the README):'],
  // A script failed on what it found: with its name, the server says so of no other error.
  [/^ERR (?!.*killed).*\bscript\b/s, 'A script failed on what Redis has:'],
];

/** The error a caller gets for what a client was rejected with: `store_damaged` when it is certain, else `unavailable`. */
export function refusalOf(cause: unknown): GenerationJobError {
  if (cause instanceof GenerationJobError) return cause;
  const word = cause instanceof Error ? cause.message : '';
  const format = /^FORMAT (\d+)/.exec(word)?.[1];
  if (format !== undefined) return unreadable('A record', format);
  const known = CERTAIN.find(([pattern]) => pattern.test(word));
  if (known === undefined)
    return new GenerationJobError('unavailable', 'Redis could not do what was asked.', { cause });
  // The script's own name and line say nothing to whoever reads it.
  const said = word.replace(/,? script: .*$/s, '').replace(/^DAMAGED /, '');
  return new GenerationJobError('store_damaged', `${known[1]} ${said}.`, { cause });
}
