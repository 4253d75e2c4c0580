/**
 * Properties with a seed that is printed, and that `PROPERTY_SEED` repeats.
 */
import fc from 'fast-check';
import { howOften } from '../support/how-often.js';

const seed = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);

/** As `checked`, for a property that awaits something. */
export async function checkedAsync<Ts>(property: fc.IAsyncProperty<Ts>, times: number): Promise<void> {
  console.log(`property: PROPERTY_SEED=${seed}`);
  await fc.assert(property, { seed, numRuns: howOften(times) });
}

/** @throws with the seed and a short counter-example when the property does not hold */
export function checked<Ts>(property: fc.IProperty<Ts>, times = 20_000): void {
  console.log(`property: PROPERTY_SEED=${seed}`);
  fc.assert(property, { seed, numRuns: howOften(times) });
}
