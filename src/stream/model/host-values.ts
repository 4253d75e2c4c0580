/**
 * Shapes of what a host hands over that is not plain data: functions, and objects with methods. Plain objects are held to
 * their known keys; an instance of a host's own class has members of its own, and only those that are known are looked at.
 */
import { z } from 'zod';
import { HOUR } from '../../clock.js';

/** Any longer time is a mistake of units; no timer waits for longer than 24 days at once, and none of ours needs to. */
export const LONGEST_DURATION_MS = 366 * 24 * HOUR;

export const requiredFunction = z.custom((value) => typeof value === 'function', 'must be a function');
export const callable = requiredFunction.optional();

/** A time in whole milliseconds. */
export const durationMs = z.number().int().min(1).max(LONGEST_DURATION_MS);

/** Anything that has these methods. */
export const having = (what: string, ...methods: string[]) =>
  z.custom(
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      methods.every((name) => typeof (value as Record<string, unknown>)[name] === 'function'),
    `must be ${what}`,
  );

export const clockSchema = having('a Clock', 'now', 'monotonic', 'setTimeout', 'clearTimeout', 'defer');

/** The schema for a value with these members: strict, unless it is an instance of a class. */
export function membersOf(given: unknown, shape: z.ZodRawShape): z.ZodType {
  const prototype = typeof given === 'object' && given !== null ? Object.getPrototypeOf(given) : null;
  const isPlain = prototype === null || prototype === Object.prototype;
  return isPlain ? z.strictObject(shape) : z.looseObject(shape);
}
