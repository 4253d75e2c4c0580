/**
 * Tells the server's word from no word. A refusal that it would repeat for as long as the keys and rights are as they are
 * is certain: nothing was changed, and asking again is in vain. Everything else counts as no answer, since a state of the
 * server passes and every write of ours is recognised when it comes again: LOADING, BUSY, READONLY, CLUSTERDOWN,
 * MASTERDOWN, TRYAGAIN, MOVED, NOREPLICAS, MISCONF (can't save), OOM, NOAUTH (a password that is being changed), a link
 * that broke, a time that was over.
 */
import { GenerationJobError } from '../../../errors.js';
import { unreadable } from './formats.js';
import { wordOf } from './word.js';

const CERTAIN: Readonly<Record<string, string>> = {
  DAMAGED: 'Redis has what can’t be read:',
  WRONGTYPE: 'Redis has another type of key than the library writes:',
  NOPERM: 'Redis denies a right (see "Rights" in docs/redis.md):',
};

/**
 * The refusals of a script in the middle although nothing is wrong with what it found: somebody killed it, or a cluster
 * that moves the slot let the call in and not the command.
 */
const PASSING = ['killed', 'non local key'];

/** The error a caller gets for what a client was rejected with: `store_damaged` when it is certain, else `unavailable`. */
export function refusalOf(cause: unknown): GenerationJobError {
  if (cause instanceof GenerationJobError) return cause;
  const { kind, text } = wordOf(cause instanceof Error ? cause : '');
  if (kind === 'FORMAT') return unreadable('A record', text.split(' ')[1] ?? '');
  const known = Object.hasOwn(CERTAIN, kind) ? CERTAIN[kind] : ofScript(kind, text);
  if (known === undefined)
    return new GenerationJobError('unavailable', 'Redis could not do what was asked.', { cause });
  // The script's own name and line say nothing to whoever reads it.
  const said = text.split(' script: ')[0]?.replace('DAMAGED ', '') ?? '';
  return new GenerationJobError('store_damaged', `${known} ${said}.`, { cause });
}

/** A script failed on what it found: with its name, the server says so of no other error. */
function ofScript(kind: string, text: string): string | undefined {
  const isOfScript =
    kind === 'ERR' && text.includes('script') && !PASSING.some((said) => text.includes(said));
  return isOfScript ? 'A script failed on what Redis has:' : undefined;
}
