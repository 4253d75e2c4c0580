/**
 * The seal that is shipped: what it has sealed opens with any of its keys, in the place it was sealed for, unchanged; and
 * in no other way.
 */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { createSeal, isGenerationJobError, type Seal, type SealContext } from 'generation-jobs';
import { expect, it } from 'vitest';
import { checked } from './property.js';

const KEYS = Array.from({ length: 4 }, (_, at) => ({ id: `k${at}`, key: Uint8Array.from(randomBytes(32)) }));
const FIRST = createSeal({ keys: KEYS });

const idArb = fc.oneof(fc.constantFrom('a', 'b', 'a","b', '1', ''), fc.string({ unit: 'binary' }));
const tenantArb = fc.option(idArb, { nil: undefined });
const contextArb: fc.Arbitrary<SealContext> = fc.oneof(
  fc.record({
    of: fc.constant('resumeContext' as const),
    tenantId: tenantArb,
    streamId: idArb,
    generation: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    actionId: idArb,
  }),
  fc.record({
    of: fc.constant('metadata' as const),
    tenantId: tenantArb,
    streamId: idArb,
    createId: idArb,
    key: idArb,
  }),
);
const textArb = fc.oneof(fc.json(), fc.string({ unit: 'grapheme' }), fc.constant(''));

const sealed = (seal: Seal, text: string, context: SealContext) => seal.seal(text, context) as string;

/** What a seal says to a text that it can't open; undefined when it opens it. */
function refusalOf(seal: Seal, text: string, context: SealContext): unknown {
  try {
    void seal.open(text, context);
    return undefined;
  } catch (error) {
    return error;
  }
}

function expectRefused(seal: Seal, text: string, context: SealContext): void {
  const error = refusalOf(seal, text, context);
  expect(isGenerationJobError(error, 'seal_unavailable'), String(error)).toBe(true);
}

it('opens what any of its keys has sealed, whichever comes first', () => {
  checked(
    fc.property(
      textArb,
      contextArb,
      fc.shuffledSubarray(KEYS, { minLength: 1 }),
      fc.shuffledSubarray(KEYS, { minLength: 1 }),
      (text, context, before, after) => {
        const [first] = before;
        const kept = sealed(createSeal({ keys: before }), text, context);
        expect(kept.startsWith(`v1.${first?.id}.`)).toBe(true);
        const opener = createSeal({ keys: after });
        if (after.some(({ id }) => id === first?.id)) expect(opener.open(kept, context)).toBe(text);
        else expectRefused(opener, kept, context);
      },
    ),
    2_000,
  );
});

it('opens nothing in another place than it was sealed for', () => {
  checked(
    fc.property(textArb, contextArb, contextArb, (text, one, other) => {
      const same = JSON.stringify(one) === JSON.stringify(other);
      const kept = sealed(FIRST, text, one);
      if (same) expect(FIRST.open(kept, other)).toBe(text);
      else expectRefused(FIRST, kept, other);
    }),
    2_000,
  );
});

it('opens nothing with a change in any one character, one more or one less', () => {
  const characters = 'ABCxyz019-_.+/= é';
  checked(
    fc.property(
      fc.string({ maxLength: 40 }),
      contextArb,
      fc.nat(),
      fc.constantFrom(...characters),
      fc.constantFrom('replaced', 'added', 'left out'),
      (text, context, place, character, change) => {
        const kept = sealed(FIRST, text, context);
        const at = place % kept.length;
        const rest = kept.slice(change === 'added' ? at : at + 1);
        const changed = kept.slice(0, at) + (change === 'left out' ? '' : character) + rest;
        if (changed === kept) return;
        expectRefused(FIRST, changed, context);
      },
    ),
    5_000,
  );
});

it('opens no text that it never sealed', () => {
  const partArb = fc.oneof(fc.constantFrom('v1', 'k0', 'k9', '', 'AAAA'), fc.base64String());
  checked(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(partArb, { maxLength: 6 }).map((parts) => parts.join('.')),
      ),
      contextArb,
      (text, context) => expectRefused(FIRST, text, context),
    ),
    5_000,
  );
});

it('never gives the same text twice, nor the length of a shorter one away beyond its own', () => {
  const context: SealContext = { of: 'metadata', streamId: 's', createId: 'c', key: 'k' };
  const many = Array.from({ length: 500 }, () => sealed(FIRST, 'secret', context));
  expect(new Set(many).size).toBe(many.length);
  expect(new Set(many.map((text) => text.length)).size).toBe(1);
});

it('names what is wrong with its keys', () => {
  const key = KEYS[0]?.key as Uint8Array;
  const base64 = Buffer.from(key).toString('base64');
  for (const [keys, message] of [
    [[], /keys: /],
    [[{ id: 'a', key: new Uint8Array(16) }], /keys\.0\.key: must be 32 bytes/],
    [[{ id: 'a', key: '' }], /keys\.0\.key: must be 32 bytes/],
    [[{ id: 'a', key: `${base64.slice(0, -2)}!=` }], /keys\.0\.key: must be 32 bytes/],
    [[{ id: 'a', key: base64.repeat(2) }], /keys\.0\.key: must be 32 bytes/],
    [[{ id: 'a.b', key }], /keys\.0\.id: must have 1 to 64 characters/],
    [[{ id: 'a'.repeat(65), key }], /keys\.0\.id: must have 1 to 64 characters/],
    [
      [
        { id: 'a', key },
        { id: 'a', key },
      ],
      /two keys share an id/,
    ],
    [[{ id: 'a', secret: key }], /"secret" is not known/],
    [Array.from({ length: 33 }, (_, at) => ({ id: `k${at}`, key })), /keys: /],
  ] as const) {
    expect(() => createSeal({ keys } as never)).toThrow(message);
  }
});

it('takes a key as bytes or in base64, and keeps a copy', () => {
  const context: SealContext = { of: 'resumeContext', streamId: 's', generation: 1, actionId: 'a' };
  const key = Uint8Array.from(randomBytes(32));
  const texts = [Buffer.from(key).toString('base64'), Buffer.from(key).toString('base64url')];
  const seals = [key, ...texts].map((one) => createSeal({ keys: [{ id: 'k', key: one }] }));
  const kept = sealed(seals[0] as Seal, 'x', context);
  key.fill(0);
  for (const seal of seals) expect(seal.open(kept, context)).toBe('x');
});
