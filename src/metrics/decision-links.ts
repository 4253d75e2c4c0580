/** The routes for decision links count what became of each request. */
import { DECISION_LINK_RESULTS, type StreamObserver } from '../stream/interfaces/observer.js';
import type { Makers } from './makers.js';

export function observeDecisionLinks(make: Makers) {
  const requests = make.counterBy(
    'decision_link_requests_total',
    'Requests with a decision link, by what became of them',
    'result',
    DECISION_LINK_RESULTS,
  );
  return { decisionLink: (result) => requests(result) } satisfies Partial<StreamObserver>;
}
