/**
 * Usage as Claude Code's results tell it: by model, summed up over the whole session. A session may have several results, so
 * what is new is the difference to the one before.
 */
import type { UsageInput } from '../../stream/model/types.js';
import { type Fields, fieldsOf, numbersIn } from './line-fields.js';

const NAMES: Readonly<Record<string, string>> = {
  inputTokens: 'input_tokens',
  outputTokens: 'output_tokens',
  cacheReadInputTokens: 'cache_read_input_tokens',
  cacheCreationInputTokens: 'cache_creation_input_tokens',
  webSearchRequests: 'web_search_requests',
  costUSD: 'cost_usd',
};

export class ClaudeUsage {
  readonly #told = new Map<string, number>();

  newIn({ modelUsage, usage, total_cost_usd }: Fields): UsageInput[] {
    const byModel = Object.entries(fieldsOf(modelUsage));
    if (byModel.length > 0) {
      return byModel.flatMap(([model, counts]) => {
        const renamed = Object.entries(numbersIn(counts, 1)).flatMap(([name, number]) => {
          const known = NAMES[name];
          return known === undefined ? [] : [[known, this.#newOf(`${model} ${name}`, number)] as const];
        });
        return used({ kind: 'model', model }, Object.fromEntries(renamed));
      });
    }
    const cost = typeof total_cost_usd === 'number' ? this.#newOf('cost', total_cost_usd) : 0;
    return used({ kind: 'model' }, { ...numbersIn(usage), ...(cost > 0 && { cost_usd: cost }) });
  }

  #newOf(counter: string, number: number): number {
    const before = this.#told.get(counter) ?? 0;
    this.#told.set(counter, number);
    return Math.max(0, number - before);
  }
}

function used(labels: UsageInput, numbers: Readonly<Record<string, number>>): UsageInput[] {
  return Object.values(numbers).some((number) => number > 0) ? [{ ...labels, ...numbers }] : [];
}
