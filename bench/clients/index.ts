/**
 * Prints the figures of what clients get: a page of the AI SDK that resumes, and its stream beside the native one. Nothing here
 * passes or fails; the exact counts are asserted by the tests.
 */
import { describeMachine } from '../figures.js';
import { benchDelivery } from './delivery.js';
import { benchResume } from './resume.js';

const benches: Record<string, () => Promise<void>> = { resume: benchResume, delivery: benchDelivery };

console.log(describeMachine());
const wanted = process.argv.slice(2);
for (const [name, bench] of Object.entries(benches))
  if (wanted.length === 0 || wanted.includes(name)) await bench();
