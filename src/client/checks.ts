/** The check of what a caller writes out by hand. Every page loads it, so it says little: the key, and what it must be. */
import { StreamClientError } from './errors.js';

/** Kinds, as `typeof` says them, or words, with blanks between; the bounds of a whole number; or a test. */
export type Rule = string | readonly [least: number, most: number] | ((value: unknown) => unknown);

/** A misspelt key has at least so many letters in common with the right one, from its beginning. */
const LEAST_IN_COMMON = 2;

/**
 * Checks the fields of `options`. A field may be left out, unless it is in `needed`.
 * @throws StreamClientError `invalid_options` naming the first field that is unknown or of another kind
 */
export function check(
  options: unknown,
  rules: Readonly<Record<string, Rule>>,
  needed: readonly string[] = [],
): void {
  if (typeof options !== 'object' || options === null) refuse('options: must be object');
  const given: Readonly<Record<string, unknown>> = { ...options };
  for (const key of [...needed, ...Object.keys(given)]) {
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    const value = given[key];
    if (rule === undefined) refuse(`options: "${key}" is not known${suggestion(key, Object.keys(rules))}`);
    if ((value === undefined && !needed.includes(key)) || fits(value, rule)) continue;
    refuse(`options.${key}: must be ${wordsOf(rule)}`);
  }
}

function fits(value: unknown, rule: Rule): boolean {
  if (typeof rule === 'string') {
    const kinds = rule.split(' ');
    return (
      value !== null && value !== '' && (kinds.includes(typeof value) || kinds.includes(value as string))
    );
  }
  if (typeof rule === 'function') return rule(value) !== undefined;
  return Number.isInteger(value) && (value as number) >= rule[0] && (value as number) <= rule[1];
}

function wordsOf(rule: Rule): string {
  if (typeof rule === 'function') return 'as received';
  return typeof rule === 'string' ? rule.split(' ').join(' or ') : rule.join(' to ');
}

function suggestion(key: string, known: readonly string[]): string {
  const inCommon = (name: string) => {
    let at = 0;
    while (at < key.length && name[at] === key[at]) at++;
    return at;
  };
  const nearest = known.reduce((best, name) => (inCommon(name) > inCommon(best) ? name : best), '');
  return inCommon(nearest) < LEAST_IN_COMMON ? '' : `, did you mean "${nearest}"?`;
}

function refuse(fault: string): never {
  throw new StreamClientError('invalid_options', fault);
}
