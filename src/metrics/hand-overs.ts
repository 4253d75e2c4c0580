/** The hand-overs of a deploy: jobs that were given away or cut as this process left, and those it took over from others. */
import type { HandOverStep, StreamObserver } from '../stream/interfaces/observer.js';
import type { Makers } from './makers.js';

const STEPS = ['given', 'cut', 'taken'] as const satisfies readonly HandOverStep[];

export function observeHandOvers(make: Makers) {
  const steps = make.counterBy(
    'handed_over_total',
    'Jobs handed over by this process as it left, by their producer or by the drain, and jobs of others taken over here',
    'step',
    STEPS,
  );
  return { handedOver: (step) => steps(step) } satisfies Partial<StreamObserver>;
}
