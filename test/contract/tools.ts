/**
 * The test tools of whoever runs the suite. A contract runs as a test of theirs, so it asks for what they have given, and
 * nothing here depends on one test runner.
 */

/** What follows `expect(value)`: those that the contracts use, as Vitest and Jest have them. */
export interface Matchers {
  readonly not: Matchers;
  readonly rejects: { toMatchObject(expected: object): Promise<void> };
  toBe(expected: unknown): void;
  toBeDefined(): void;
  toBeGreaterThan(expected: number): void;
  toBeGreaterThanOrEqual(expected: number): void;
  toBeInstanceOf(expected: unknown): void;
  toBeLessThan(expected: number): void;
  toBeLessThanOrEqual(expected: number): void;
  toBeNull(): void;
  toBeTruthy(): void;
  toBeUndefined(): void;
  toContain(expected: unknown): void;
  toEqual(expected: unknown): void;
  toHaveLength(expected: number): void;
  toHaveProperty(name: string): void;
  toMatch(expected: RegExp | string): void;
  toMatchObject(expected: unknown): void;
  toThrow(expected?: unknown): void;
}

/** `expect` of Vitest, or one like it whose second parameter is a message for the failure. */
export interface Expect {
  (value: unknown, message?: string): Matchers;
  readonly any: (kind: never) => unknown;
  readonly arrayContaining: (items: never) => unknown;
  readonly closeTo: (value: number, digits?: number) => unknown;
  readonly stringMatching: (pattern: RegExp) => unknown;
  readonly not: { readonly arrayContaining: (items: never) => unknown };
}

export interface TestTools {
  /** Groups tests under a title. */
  describe(title: string, define: () => void): unknown;
  /** Defines a test; a promise it gives is awaited. Give it time: a contract that waits for leases takes some seconds. */
  it(title: string, test: () => Promise<void>): unknown;
  readonly expect: Expect;
}

let given: Expect | undefined;

/** Takes the tools for all contracts that run from now on. */
export function useExpect(expect: Expect): void {
  given = expect;
}

function asked(): Expect {
  if (given === undefined)
    throw new Error('No expect was given: run the contracts through the functions of the suite.');
  return given;
}

/** The `expect` that was given. */
export const expect = Object.assign((value: unknown, message?: string) => asked()(value, message), {
  any: (kind: unknown): unknown => asked().any(kind as never),
  arrayContaining: (items: readonly unknown[]): unknown => asked().arrayContaining(items as never),
  closeTo: (value: number, digits?: number): unknown => asked().closeTo(value, digits),
  stringMatching: (pattern: RegExp): unknown => asked().stringMatching(pattern),
  not: {
    arrayContaining: (items: readonly unknown[]): unknown => asked().not.arrayContaining(items as never),
  },
});
