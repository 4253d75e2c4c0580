/**
 * Reads the fields of a record that may have been damaged. What is only shown or counted is empty or none when it can't be
 * read: it must not keep a generation from its end. The scripts read it in the same way (redis-lua/include/record.lua).
 */
import { parsedJson } from '../../model/plain-values.js';

const WHOLE = /^\d{1,16}$/;

export class RedisFields {
  readonly #fields = new Map<string, string>();

  /** @param flat field, value, field, value … */
  constructor(flat: readonly string[]) {
    for (let index = 0; index < flat.length; index += 2)
      this.#fields.set(flat[index] as string, flat[index + 1] as string);
  }

  text(name: string): string | undefined {
    return this.#fields.get(name);
  }

  /** Fields whose name begins with `prefix`, by the rest of their name, in any order. */
  texts(prefix: string): [string, string][] {
    return [...this.#fields].flatMap(([name, text]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), text]] : [],
    );
  }

  /** A whole number, not negative. */
  number(name: string): number | undefined {
    return wholeNumber(this.#fields.get(name));
  }

  /** @param isWhole whether what was read has what its readers rely on */
  json<Value>(name: string, isWhole: (value: Partial<Value> & object) => boolean): Value | undefined {
    const value = parsed(this.#fields.get(name));
    return typeof value === 'object' && value !== null && isWhole(value) ? (value as Value) : undefined;
  }

  /**
   * Fields whose name begins with `prefix`, by the rest of their name, as JSON. A hash lists its fields in any order:
   * names that `order` does not have, of a release that kept none, go last.
   */
  values(prefix: string, order: readonly string[] = []): Record<string, unknown> {
    const found: [string, unknown][] = [];
    for (const [name, text] of this.texts(prefix)) {
      const value = parsed(text);
      if (value !== undefined) found.push([name, value]);
    }
    const places = new Map(order.map((key, place) => [key, place]));
    const placeOf = ([key]: [string, unknown]) => places.get(key) ?? order.length;
    return Object.fromEntries(found.sort((one, other) => placeOf(one) - placeOf(other)));
  }
}

/** The number that the text is, if it is whole, not negative and no larger than numbers are exact. */
export function wholeNumber(text: string | undefined): number | undefined {
  const number = text !== undefined && text.length <= 16 && WHOLE.test(text) ? Number(text) : undefined;
  return Number.isSafeInteger(number) ? number : undefined;
}

/** Returns what the text says as JSON; undefined, which JSON does not have, for text that is none. */
export function parsed(text: string | undefined): unknown {
  return text === undefined ? undefined : parsedJson(text);
}
