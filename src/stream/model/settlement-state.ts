/** The settlement as it is shown: where it stands, and whether a replica is at it. */
import { isActive } from './transitions.js';
import type { JobRecord } from './types.js';

/**
 * `open` still to come, or the generation is active · `settling` a replica is at it · `settled` done · `set_aside` given up
 * for now, after too many tries.
 */
export type SettlementState = 'open' | 'settling' | 'settled' | 'set_aside';

/**
 * Returns the state of a generation's settlement. `settling` is never stored: a release that does not know it takes whatever
 * isn't open for done, and deletes it.
 * @param now the store's time
 */
export function settlementStateOf(
  { status, settlement }: Pick<JobRecord, 'status' | 'settlement'>,
  now: number,
): SettlementState {
  if (isActive(status)) return 'open';
  const { state, claimed, notBefore } = settlement;
  return state === 'open' && claimed && notBefore > now ? 'settling' : state;
}

/** Says whether nothing is left to wait for: it is settled, or set aside. */
export function isSettlementOver({ status, settlement }: Pick<JobRecord, 'status' | 'settlement'>): boolean {
  return !isActive(status) && settlement.state !== 'open';
}
