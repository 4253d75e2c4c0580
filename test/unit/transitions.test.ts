/**
 * The transition table against the memory store is a contract (`test/contract/store.ts`); here, that the table itself
 * says what the design says.
 */
import { expect, it } from 'vitest';
import {
  isActive,
  isTerminalEvent,
  LIFECYCLE_EVENTS,
  TRANSITIONS,
} from '../../src/stream/model/transitions.js';

it('the table is the design’s, row by row', () => {
  const rows = Object.entries(TRANSITIONS).map(
    ([name, { from, to, by }]) => `${from.join('|')} -> ${to} ${name} (${by})`,
  );
  expect(rows.toSorted()).toEqual(
    [
      'running -> requires_action pause (producer)',
      'requires_action -> running resolve (other)',
      'requires_action -> aborted expire (other)',
      'running -> completed complete (producer)',
      'running -> failed fail (producer)',
      'running -> failed lose (other)',
      'running -> running recover (other)',
      'running|requires_action -> aborted abort (other)',
      'running|requires_action -> aborted replace (other)',
    ].toSorted(),
  );
});

it('nothing leaves an ended status, and an end is announced by a terminal event and by nothing else', () => {
  for (const { from, to, event } of Object.values(TRANSITIONS)) {
    for (const status of from) expect(isActive(status)).toBe(true);
    expect(isTerminalEvent(event)).toBe(!isActive(to));
    expect(LIFECYCLE_EVENTS).toContain(event);
  }
});

it('a transition that makes another attempt is guarded, so that only one can', () => {
  for (const transition of Object.values(TRANSITIONS)) {
    if ('nextAttempt' in transition) expect(transition.guard).toBeDefined();
  }
});
