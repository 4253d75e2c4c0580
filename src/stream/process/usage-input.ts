/**
 * Reads what a host adds to the usage of a generation: counters as a provider reports them, which may nest, and labels that
 * say which call they are of. Counters that nest are named with dots: `input_token_details.cache_read`.
 */
import { GenerationJobError } from '../../errors.js';
import { nearestTo } from '../model/nearest.js';
import { isIdText } from '../model/stream-key.js';
import type { UsageInput, UsageLabels } from '../model/types.js';

const LABELS = ['kind', 'model', 'provider', 'agentId'] as const satisfies readonly (keyof UsageLabels)[];
/** Characters of a label, and of a counter's name with its dots. */
const LONGEST_LABEL = 256;
const LONGEST_NAME = 128;
/** Objects in one another. */
const DEEPEST = 8;
const LONGEST_SHOWN = 64;

export interface CountedUsage {
  readonly labels: UsageLabels;
  /** The counters by their names, each once. */
  readonly counters: ReadonlyMap<string, number>;
}

/** @throws GenerationJobError `invalid_argument` naming what is no counter and no label */
export function parseUsage(given: UsageInput): CountedUsage {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw refused('usage must be an object of numbers.');
  const { labels, rest } = withoutLabels(given);
  const counters = new Map<string, number>();
  collect(rest, '', 1, counters);
  return { labels, counters };
}

function withoutLabels(given: UsageInput): { labels: UsageLabels; rest: object } {
  const rest: Record<string, unknown> = { ...given };
  const labels: Record<string, string> = {};
  for (const name of LABELS) {
    const label = rest[name];
    delete rest[name];
    if (label === undefined || label === null) continue;
    if (!isIdText(label, LONGEST_LABEL))
      throw refused(`usage.${name} must have 1 to ${LONGEST_LABEL} well-formed characters.`);
    labels[name] = label;
  }
  return { labels, rest };
}

function collect(given: object, prefix: string, depth: number, counters: Map<string, number>): void {
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined || value === null) continue;
    const name = `${prefix}${key}`;
    const shown = `usage.${name.slice(0, LONGEST_SHOWN)}`;
    if (!isIdText(name, LONGEST_NAME))
      throw refused(`${shown}: a counter’s name has 1 to ${LONGEST_NAME} well-formed characters.`);
    if (typeof value === 'object' && !Array.isArray(value)) {
      if (depth === DEEPEST) throw refused(`${shown} nests deeper than ${DEEPEST} objects.`);
      collect(value, `${name}.`, depth + 1, counters);
    } else if (typeof value === 'number' && Number.isFinite(value)) {
      counters.set(name, (counters.get(name) ?? 0) + value);
    } else {
      const label = prefix === '' && typeof value === 'string' ? nearestTo(key, LABELS) : undefined;
      const hint = label === undefined ? '' : `; did you mean ${JSON.stringify(label)}?`;
      throw refused(`${shown} must be a finite number${hint}.`);
    }
  }
}

function refused(message: string): GenerationJobError {
  return new GenerationJobError('invalid_argument', message);
}
