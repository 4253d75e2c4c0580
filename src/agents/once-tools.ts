/**
 * Tool calls of an agent go through `job.once`, under their call ids: a run that goes on from its checkpoint after a crash makes
 * the same calls again, and those that have finished are answered with what they gave. A run that starts over makes calls of its
 * own, whose ids may be the same by chance: they have names of their own.
 */
import { z } from 'zod';
import { GenerationJobError } from '../errors.js';
import type { GenerationJob } from '../stream/interfaces/generation-job.js';
import type { OnceUnmade } from '../stream/interfaces/once.js';
import { requiredFunction } from '../stream/model/host-values.js';
import { parseStrictly } from '../stream/model/strict.js';
import {
  fieldOf,
  type GraphHandler,
  type ToolCall,
  type ToolExecuteRequest,
  type ToolResult,
} from './shapes.js';

/**
 * `once`: a receipt is kept, and when nobody knows the outcome a person is asked · `discreet`: and is shown the tool's name alone,
 * since all who follow see the question · `idempotent`: a receipt is kept, and the call is made again · `plain`: none is kept.
 */
export type ToolReceipts = 'once' | 'discreet' | 'idempotent' | 'plain';

/** Says how a call is made; true is `once` for all. */
export type ReceiptsOf = true | ((call: ToolCall) => ToolReceipts);

/** The part of a run's setup that a tool needs. */
export interface OnceSetup {
  /** The job that the run writes to. */
  readonly job: GenerationJob;
  /** Gives the key of a call's receipt. */
  readonly receiptKey: (callId: string) => string;
}

const onceToolSchema = z.strictObject({
  idempotent: z.boolean().optional(),
  discreet: z.boolean().optional(),
});

/** Returns what names the calls of a run that began with this attempt: their ids, and for one that started over more than that. */
export function receiptKeys(firstAttempt: number): (callId: string) => string {
  return (callId) => (firstAttempt === 1 ? callId : `${firstAttempt}:${callId}`);
}

/**
 * Makes a tool's function one that goes through `job.once`, for tools that run in the agent's process:
 * `tool(onceTool(setup, pay), { name: 'pay', schema })`. What was not made is told to the model as the tool's result.
 *
 * @param setup as `createRun` is given it
 * @param run the tool: given its arguments, LangChain's `config`, and a text that is the same however often the call is made
 * @param options with `idempotent` the call is made again when nobody knows the outcome; with `discreet` the question that is asked
 *   otherwise shows the tool's name without the arguments
 * @throws GenerationJobError `invalid_options` at once, for what is no function or not known; a call throws as `job.once`, and
 *   `invalid_argument` when it has no id
 */
export function onceTool<Args, Config, Result>(
  setup: OnceSetup,
  run: (args: Args, config: Config, idempotencyKey: string) => Result | PromiseLike<Result>,
  options: { readonly idempotent?: boolean | undefined; readonly discreet?: boolean | undefined } = {},
): (args: Args, config: Config) => Promise<Result | string> {
  parseStrictly('invalid_options', requiredFunction, run, 'run');
  parseStrictly('invalid_options', onceToolSchema, options, 'options');
  const { job, receiptKey } = setup;
  return async (args, config) => {
    const call = fieldOf(config, 'toolCall');
    const [id, name] = [fieldOf(call, 'id'), fieldOf(call, 'name')];
    if (typeof id !== 'string')
      throw new GenerationJobError('invalid_argument', 'config.toolCall has no id to keep a receipt under.');
    const { idempotent, discreet } = options;
    const about = {
      idempotent,
      ...(!discreet && { arguments: args }),
      ...(typeof name === 'string' && { name }),
    };
    const outcome = await job.once(receiptKey(id), (key) => run(args, config, key), about);
    return outcome.outcome === 'called' || outcome.outcome === 'finished' ? outcome.result : toldOf(outcome);
  };
}

/** Guards the host's `on_tool_execute`: calls with receipts reach it one by one, and only when they are to be made. */
export function receiptsFor(setup: OnceSetup, execute: GraphHandler, receipts: ReceiptsOf): GraphHandler {
  const kindOf = receipts === true ? (): ToolReceipts => 'once' : receipts;
  return {
    handle: (event, data, ...rest) => {
      const request = data as ToolExecuteRequest;
      const kinds = request.toolCalls.map(kindOf);
      if (kinds.every((kind) => kind === 'plain')) return execute.handle(event, data, ...rest);
      const executed = (toolCalls: readonly ToolCall[]) =>
        new Promise<readonly ToolResult[]>((resolve, reject) => {
          const part = { ...request, toolCalls, resolve, reject };
          (async () => execute.handle(event, part, ...rest))().catch(reject);
        });
      const plain = request.toolCalls.filter((_, at) => kinds[at] === 'plain');
      const kept = request.toolCalls.filter((_, at) => kinds[at] !== 'plain');
      const kindOfKept = (call: ToolCall) => kinds[request.toolCalls.indexOf(call)];
      return Promise.all([
        plain.length > 0 ? executed(plain) : [],
        ...kept.map(async (call) => [await madeOnce(setup, call, kindOfKept(call), executed)]),
      ]).then((results) => request.resolve(inOrder(request.toolCalls, results.flat())), request.reject);
    },
  };
}

/** A tool that says that it has failed has not done what it was asked. */
class ToolFailed extends Error {
  readonly result: ToolResult;

  constructor(result: ToolResult) {
    super('The tool has failed.');
    this.result = result;
  }
}

async function madeOnce(
  { job, receiptKey }: OnceSetup,
  { id, name, args }: ToolCall,
  kind: ToolReceipts | undefined,
  executed: (calls: readonly ToolCall[]) => Promise<readonly ToolResult[]>,
): Promise<ToolResult> {
  const make = async (): Promise<ToolResult> => {
    const [result] = await executed([{ id, name, args }]);
    if (result === undefined) throw new GenerationJobError('invalid_argument', 'The tool gave no result.');
    if (result.status === 'error') throw new ToolFailed(result);
    return result;
  };
  try {
    const shown = kind === 'discreet' ? {} : { arguments: args };
    const outcome = await job.once(receiptKey(id), make, {
      idempotent: kind === 'idempotent',
      name,
      ...shown,
    });
    if (outcome.outcome === 'called' || outcome.outcome === 'finished')
      return { ...outcome.result, toolCallId: id };
    const content = toldOf(outcome);
    return outcome.outcome === 'not_repeated'
      ? { toolCallId: id, status: 'error', content, errorMessage: content }
      : { toolCallId: id, status: 'success', content };
  } catch (error) {
    if (error instanceof ToolFailed) return error.result;
    throw error;
  }
}

/** Returns what a model is told in place of a result. */
function toldOf({ outcome, text = '', reason }: OnceUnmade): string {
  const why = reason === undefined ? '' : ` ${reason}`;
  switch (outcome) {
    case 'responded':
      return text;
    case 'not_kept':
      return 'This was done before; its result was too large to keep.';
    case 'not_repeated':
      return `This was begun before, and it is not known whether it was done. A person decided not to do it again.${why}`;
  }
}

/** The results in the order of the calls. */
function inOrder(calls: readonly ToolCall[], results: readonly ToolResult[]): readonly ToolResult[] {
  const byId = new Map(results.map((result) => [result.toolCallId, result]));
  return calls.flatMap(({ id }) => byId.get(id) ?? []);
}
