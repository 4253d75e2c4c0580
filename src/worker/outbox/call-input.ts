/** The shapes of what comes with the calls of an outbox. */
import { z } from 'zod';
import { GenerationJobError } from '../../errors.js';
import { callable, membersOf, requiredFunction } from '../../stream/model/host-values.js';
import { parseStrictly } from '../../stream/model/strict.js';
import { LONGEST_NAME } from './lane-names.js';

const name = z.string().min(1).max(LONGEST_NAME).optional();
const whole = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const LANES = {
  run: { deliver: requiredFunction, onEnded: callable },
  reports: { mode: z.enum(['append', 'coalesce']), deliver: requiredFunction },
};

const SHAPES = {
  report: z.strictObject({ key: name, at: whole.optional(), idempotencyKey: name }),
  page: z.strictObject({ after: whole.optional(), limit: whole.min(1).max(1_000).optional() }),
  flush: z.strictObject({ withinMs: whole }),
};

/**
 * Checks what opens a lane, which may be an instance of a class of the host's.
 * @throws GenerationJobError `invalid_argument` naming each key and value that is not known
 */
export function checkLane(kind: keyof typeof LANES, given: unknown): void {
  parseStrictly('invalid_argument', membersOf(given, LANES[kind]), given, 'options');
}

/** @throws GenerationJobError `invalid_argument` naming each key and value that is not known */
export function checkOutboxCall(call: keyof typeof SHAPES, given: unknown): void {
  parseStrictly('invalid_argument', SHAPES[call], given, 'options');
}

/** Returns data as JSON text. @throws GenerationJobError `invalid_argument` when it has none */
export function jsonOf(data: unknown): string {
  try {
    const text = JSON.stringify(data);
    if (typeof text === 'string') return text;
  } catch (cause) {
    throw new GenerationJobError('invalid_argument', 'data: must be JSON.', { cause });
  }
  throw new GenerationJobError('invalid_argument', 'data: must be JSON.');
}
