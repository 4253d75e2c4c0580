/**
 * The shapes of what a host writes out by hand for a run: checked before anything of it runs, because a misspelt option
 * would otherwise show when a person has decided.
 */
import { z } from 'zod';
import { GenerationJobError } from '../errors.js';
import type { GenerationJob } from '../stream/interfaces/generation-job.js';
import { callable, durationMs, having, requiredFunction } from '../stream/model/host-values.js';
import { parseStrictly } from '../stream/model/strict.js';
import type { AgentOptions, RunHandlersOptions } from './options.js';

const handlers = z
  .record(z.string(), having('a handler: an object with a method `handle`', 'handle'))
  .optional();

const agentOptionsSchema = z.strictObject({
  checkpointer: having(
    'a Checkpointer: await createCheckpointer()',
    'isPausedAt',
    'deleteThread',
    'checkWindow',
  ).optional(),
  handlers,
  receipts: z.union([z.literal(true), requiredFunction], 'must be true or a function').optional(),
  storeOversized: callable,
  toEvent: callable,
  configurable: z.record(z.string(), z.unknown()).optional(),
  durability: z.enum(['exit', 'async', 'sync']).optional(),
  sdkVersion: z.string().optional(),
  approvalWindowMs: durationMs.optional(),
  fingerprint: z.string().optional(),
  resumeContext: z.unknown().optional(),
  toMessageContent: callable,
  final: callable,
  onError: callable,
} satisfies Record<keyof AgentOptions, z.ZodType>);

const handlersOptionsSchema = z.strictObject({
  handlers,
  onRefused: callable,
  storeOversized: callable,
  toEvent: callable,
  onToolResult: callable,
} satisfies Record<keyof RunHandlersOptions, z.ZodType>);

const jobSchema = having('a job, as `createJob` and `resolve` give it', 'emit');

/** Checks that a job is one. @throws GenerationJobError `invalid_argument`: nothing can be ended by what is none */
export function checkJob(job: GenerationJob): void {
  parseStrictly('invalid_argument', jobSchema, job, 'job');
}

/** Returns what is wrong with what `runAgent` was given besides its job; undefined when nothing is. */
export function refusalOf(createRun: unknown, options: unknown): GenerationJobError | undefined {
  try {
    parseStrictly('invalid_options', requiredFunction, createRun, 'createRun');
    parseStrictly('invalid_options', agentOptionsSchema, options, 'options');
    return undefined;
  } catch (error) {
    if (error instanceof GenerationJobError) return error;
    throw error;
  }
}

/** Checks the options of `createRunHandlers`. @throws GenerationJobError `invalid_options` naming what is not known */
export function checkHandlersOptions(options: unknown): void {
  parseStrictly('invalid_options', handlersOptionsSchema, options, 'options');
}
