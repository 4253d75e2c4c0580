/** The system's clock keeps its word for any time an option may name, also for one that no timer of Node's can hold. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.js';

const DAY = 24 * 3_600_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it.each([1, 24, 25, 60, 366])('a timer of %i days fires once, when they are over and not before', (days) => {
  const fired = vi.fn();
  systemClock.setTimeout(fired, days * DAY);
  vi.advanceTimersByTime(days * DAY - 1);
  expect(fired).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(fired).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(days * DAY);
  expect(fired).toHaveBeenCalledOnce();
});

it.each([1, 60])('a timer of %i days that is cleared never fires, however much of it was over', (days) => {
  const fired = vi.fn();
  const timer = systemClock.setTimeout(fired, days * DAY);
  vi.advanceTimersByTime(days * DAY - 1);
  systemClock.clearTimeout(timer);
  vi.advanceTimersByTime(days * DAY);
  expect(fired).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});
