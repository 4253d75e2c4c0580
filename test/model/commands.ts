/**
 * What may happen to a stream, as data: fast-check makes lists of it and makes failing lists shorter.
 */
import fc from 'fast-check';

export type Command =
  | {
      readonly do: 'create';
      readonly at: number;
      readonly onConflict: 'replace' | 'reject' | 'join';
      readonly key: number;
    }
  | { readonly do: 'enqueue'; readonly at: number; readonly key: number }
  /** Cancels a run that was accepted some time ago. */
  | { readonly do: 'unqueue'; readonly at: number; readonly queued: number }
  | { readonly do: 'resume queue'; readonly at: number }
  | { readonly do: 'emit'; readonly handle: number; readonly count: number; readonly flush: boolean }
  | { readonly do: 'update'; readonly handle: number }
  | { readonly do: 'send'; readonly at: number; readonly key: number; readonly preempts: boolean }
  | { readonly do: 'take'; readonly handle: number }
  /** Edits or cancels a message that was accepted some time ago. */
  | { readonly do: 'edit' | 'cancel'; readonly at: number; readonly message: number }
  | { readonly do: 'pause'; readonly handle: number; readonly expiresInMs: number }
  /** `loss`: what becomes of its commits until it gives up; then the same is said again, `again` times. */
  | {
      readonly do: 'resolve';
      readonly at: number;
      readonly loss: 'none' | 'reply' | 'request';
      readonly again: number;
    }
  /** Decides an action that was asked some time ago. */
  | { readonly do: 'resolve old'; readonly at: number; readonly action: number }
  | { readonly do: 'expire'; readonly at: number }
  | {
      readonly do: 'end';
      readonly handle: number;
      readonly well: boolean;
      readonly ifInboxEmpty: boolean;
    }
  | { readonly do: 'abort'; readonly at: number; readonly named: boolean; readonly clears: boolean }
  | { readonly do: 'attach'; readonly at: number; readonly place: number; readonly whole: boolean }
  | { readonly do: 'detach'; readonly follower: number }
  /** The next calls of a process lose their answers, or never arrive. */
  | { readonly do: 'lose'; readonly at: number; readonly calls: number; readonly requests: boolean }
  /** A process dies and another takes its place. */
  | { readonly do: 'crash'; readonly at: number }
  | { readonly do: 'sleep'; readonly at: number }
  | { readonly do: 'wake'; readonly at: number }
  | { readonly do: 'delete'; readonly at: number }
  | { readonly do: 'advance'; readonly ms: number };

interface Step {
  readonly command: Command;
  /** Whether it comes to rest before the next one, or runs into it. */
  readonly rests: boolean;
}

export interface Run {
  /** Decides which calls arrive first, and what happens to frames. */
  readonly seed: number;
  readonly isStormy: boolean;
  readonly trimLog: boolean;
  /** Whether ends no producer announces are described. */
  readonly describes: boolean;
  readonly recovery: 'none' | 'restart' | 'continue';
  readonly steps: readonly Step[];
}

const at = fc.nat(2);
const any = fc.nat(30);

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('create' as const),
      at,
      onConflict: fc.constantFrom('replace', 'replace', 'reject', 'join'),
      key: fc.nat(4),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('enqueue' as const), at, key: fc.nat(8) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('unqueue' as const),
      at,
      queued: fc.constantFrom(0, 0, 1, 2, 7),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('resume queue' as const), at }) },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constant('emit' as const),
      handle: any,
      count: fc.constantFrom(1, 1, 1, 2, 5, 30),
      flush: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('update' as const), handle: any }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      at,
      key: fc.nat(6),
      preempts: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('take' as const), handle: any }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('edit' as const, 'cancel' as const),
      at,
      message: fc.constantFrom(0, 0, 1, 2, 7),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('pause' as const),
      handle: any,
      expiresInMs: fc.constantFrom(50, 2_000, 60_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('resolve' as const),
      at,
      loss: fc.constantFrom('none', 'none', 'reply', 'request'),
      again: fc.nat(2),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('resolve old' as const), at, action: any }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('expire' as const), at }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      handle: any,
      well: fc.boolean(),
      ifInboxEmpty: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('abort' as const),
      at,
      named: fc.boolean(),
      clears: fc.constantFrom(false, false, true),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('attach' as const), at, place: fc.nat(100), whole: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('detach' as const), follower: any }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('lose' as const),
      at,
      calls: fc.integer({ min: 1, max: 4 }),
      requests: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sleep' as const), at }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wake' as const), at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), at }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      ms: fc.constantFrom(1, 10, 60, 200, 700, 1_500),
    }),
  },
);

export const run: fc.Arbitrary<Run> = fc.record({
  seed: fc.nat(),
  isStormy: fc.boolean(),
  trimLog: fc.boolean(),
  describes: fc.boolean(),
  recovery: fc.constantFrom('none', 'restart', 'continue'),
  steps: fc.array(fc.record({ command, rests: fc.boolean() }), { minLength: 2, maxLength: 40 }),
});
