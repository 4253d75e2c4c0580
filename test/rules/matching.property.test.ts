/**
 * The calls a rule allows: exactly those it names. Arguments are made by chance, the seed is printed, and the judge of equality is
 * JSON written with sorted keys, which the code under test does not use for it.
 */
import fc from 'fast-check';
import type { Rule, RuleArguments, RuleMatch } from 'generation-jobs/rules';
import { describe, expect, it } from 'vitest';
import { type AskedCall, fits } from '../../src/rules/asked-call.js';
import { faultOfPrefix, isBehind } from '../../src/rules/prefixes.js';
import { checked } from '../unit/property.js';

/** Keys that mean something to JavaScript, or to a database, beside any others. */
const key = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'length',
    '',
    'a',
    'b',
    'a.b',
    '$set',
    '0',
  ),
  fc.string({ unit: 'binary', maxLength: 3 }),
);
const leaf = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.constantFrom('é', 'e\u0301', '\ud800', '1', 'true', 'null'),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 3 }).map(objectOf),
  ),
}));
const args = fc.array(fc.tuple(key, value), { maxLength: 4 }).map(objectOf);

/** An object with these as its own fields, `__proto__` too, as `JSON.parse` makes them. */
function objectOf(entries: readonly (readonly [string, unknown])[]): RuleArguments {
  return Object.fromEntries(entries) as RuleArguments;
}

function shuffled(given: unknown): unknown {
  if (Array.isArray(given)) return given.map(shuffled);
  if (typeof given !== 'object' || given === null) return given;
  return Object.fromEntries(
    Object.entries(given)
      .reverse()
      .map(([name, one]) => [name, shuffled(one)]),
  );
}

/** JSON with sorted keys: the same for the same. */
function canonical(given: unknown): string {
  if (Array.isArray(given)) return `[${given.map(canonical).join()}]`;
  if (typeof given !== 'object' || given === null) return JSON.stringify(given);
  const fields = Object.entries(given).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${fields.map(([name, one]) => `${JSON.stringify(name)}:${canonical(one)}`).join()}}`;
}

function fitsCall(match: RuleMatch, given: unknown): boolean {
  const rule = { tool: 'tool', scope: 'user', match } as Rule;
  return fits(rule, { tool: 'tool', conversationId: 'c', arguments: given } as AskedCall);
}

const asKept = (match: RuleMatch): RuleMatch => JSON.parse(JSON.stringify(match)) as RuleMatch;

describe('the calls a rule allows', () => {
  it('L153 an exact rule allows the same arguments in whatever order of keys, and no others', () => {
    checked(
      fc.property(args, args, (mine, theirs) => {
        const match = asKept({ kind: 'exact', arguments: mine });
        expect(fitsCall(match, mine)).toBe(true);
        expect(fitsCall(match, shuffled(mine))).toBe(true);
        expect(fitsCall(match, JSON.parse(JSON.stringify(mine)))).toBe(true);
        expect(fitsCall(match, theirs)).toBe(canonical(mine) === canonical(theirs));
      }),
    );
  });

  it('L153 one argument more, or less, or another anywhere in it is no match', () => {
    checked(
      fc.property(args, key, value, (mine, name, one) => {
        const match = asKept({ kind: 'exact', arguments: mine });
        const { [name]: _, ...rest } = mine;
        if (Object.hasOwn(mine, name)) expect(fitsCall(match, rest)).toBe(false);
        else expect(fitsCall(match, objectOf([...Object.entries(mine), [name, one]]))).toBe(false);
        // What is undefined is absent, in whatever place.
        const blank = objectOf([...Object.entries(rest), [name, undefined]]);
        expect(fitsCall(asKept({ kind: 'exact', arguments: rest as RuleArguments }), blank)).toBe(true);
      }),
    );
  });

  it('L153 an argument that a prefix rule does not name must be absent, and the others exact', () => {
    checked(
      fc.property(args, key, value, (others, name, one) => {
        const { path: _, ...named } = others as Record<string, never>;
        const match = asKept({
          kind: 'prefix',
          argument: 'path',
          of: 'path',
          prefix: '/srv/app',
          arguments: named,
        });
        const call = { ...named, path: '/srv/app/x' };
        expect(fitsCall(match, call)).toBe(true);
        if (name !== 'path' && !Object.hasOwn(named, name)) {
          expect(fitsCall(match, objectOf([...Object.entries(call), [name, one]]))).toBe(false);
        }
        expect(fitsCall(match, objectOf([...Object.entries(named), ['path', one]]))).toBe(
          typeof one === 'string' && isBehind('path', '/srv/app', one),
        );
        expect(fitsCall(match, named)).toBe(false);
      }),
    );
  });

  it('L153 a rule that the host judges is asked about no call with an argument it does not name', () => {
    checked(
      fc.property(args, fc.array(key, { maxLength: 4 }), (given, names) => {
        const isNamed = Object.keys(given).every((name) => names.includes(name));
        expect(fitsCall({ kind: 'host', names }, given)).toBe(isNamed);
      }),
    );
  });

  it.each([
    ['a number JSON can’t carry', { n: Number.NaN }],
    ['an instance of a class', { n: new Date(0) }],
    ['a function', { n: () => 1 }],
    ['what writes itself otherwise', { n: { toJSON: () => 1 } }],
    ['a list in place of an object', [1]],
    ['a hole in a list', { n: Object.assign([], { 1: 1 }) }],
    ['a text', 'n'],
  ])('L153 %s matches no rule', (_title, odd) => {
    for (const json of [{ n: 1 }, { n: null }, {}, { n: '1970-01-01T00:00:00.000Z' }, { n: [null, 1] }]) {
      const call = Array.isArray(odd) || typeof odd === 'string' ? undefined : odd;
      expect(fitsCall({ kind: 'exact', arguments: json }, call)).toBe(false);
    }
  });

  it('L153 a rule is for its tool and its conversation alone', () => {
    const rule = {
      tool: 'tool',
      scope: 'conversation',
      conversationId: 'c',
      match: { kind: 'exact', arguments: {} },
    };
    const call = { tool: 'tool', conversationId: 'c', arguments: {} } as AskedCall;
    expect(fits(rule as Rule, call)).toBe(true);
    expect(fits(rule as Rule, { ...call, conversationId: 'd' })).toBe(false);
    expect(fits(rule as Rule, { ...call, tool: 'Tool' })).toBe(false);
    expect(fits({ ...rule, scope: 'user' } as Rule, { ...call, conversationId: 'd' })).toBe(true);
  });
});

describe('a prefix', () => {
  it.each([
    ['/srv/app', '/srv/app'],
    ['/srv/app', '/srv/app/'],
    ['/srv/app', '/srv/app/a b/é.txt'],
    ['/srv/app/', '/srv/app/x'],
    ['https://api.example.com/v1', 'https://api.example.com/v1/users/7'],
    ['docs', 'docs/./x'],
    ['docs', 'docs/.hidden'],
  ])('L153 of a path: %s goes on as %s', (prefix, text) => {
    expect(faultOfPrefix('path', prefix)).toBeUndefined();
    expect(isBehind('path', prefix, text)).toBe(true);
  });

  it.each([
    ['/srv/app', '/srv/application'],
    ['/srv/app', '/srv/app.bak'],
    ['/srv/app', '/srv'],
    ['/srv/app', '/srv/app/../secret'],
    ['/srv/app', '/srv/app/x/..'],
    ['/srv/app', '/srv/app/..;/x'],
    ['/srv/app', '/srv/app/ ../x'],
    ['/srv/app', '/srv/app\\..\\x'],
    ['/srv/app', '/srv/app/%2e%2e/x'],
    ['/srv/app', '/srv/app/%2E./x'],
    ['/srv/app', '/srv/app/x%2f..'],
    ['/srv/app', '/srv/app/%252e%252e/x'],
    ['/srv/app', '/srv/app/.\t./x'],
    ['/srv/app', '/srv/app/x\u0000.png'],
    ['/srv/app', '/SRV/app/x'],
    ['/srv/app/', '/srv/app'],
    ['https://api.example.com', 'https://api.example.com.evil.example/'],
    ['https://api.example.com', 'https://api.example.com@evil.example/'],
    ['https://api.example.com', 'https://api.example.com:8443/'],
    ['https://api.example.com/v1', 'https://api.example.com/v1?all'],
    ['/srv/app', `/srv/app/${'x'.repeat(5_000)}`],
  ])('L153 of a path: %s does not go on as %s', (prefix, text) => {
    expect(isBehind('path', prefix, text)).toBe(false);
  });

  it.each([
    ['git status', 'git status'],
    ['git status', 'git status -s --porcelain=v2 src/a.ts'],
    ['npm run', 'npm run test:unit'],
  ])('L153 of a command: %s goes on as %s', (prefix, text) => {
    expect(faultOfPrefix('command', prefix)).toBeUndefined();
    expect(isBehind('command', prefix, text)).toBe(true);
  });

  const ODD = [
    ';',
    '&&',
    '|',
    '`id`',
    '$(id)',
    '$HOME',
    '>x',
    '<x',
    '\n',
    '\r',
    '\t',
    '*',
    '?',
    '~',
    '{a,b}',
    '!',
    '#',
    '"',
    "'",
  ];
  it.each<readonly [string, string]>([
    ['git', 'gitk'],
    ...ODD.map((odd) => ['git status', `git status ${odd} rm`] as const),
    ['git status', 'git status;rm -rf /'],
    ['git status', ' git status'],
    ['git status', 'git  status'],
    ['git status', 'GIT status'],
    ['git status', 'git status ‐x'],
  ])('L153 of a command: %s does not go on as %j', (prefix, text) => {
    expect(isBehind('command', prefix, text)).toBe(false);
  });

  it.each([
    ['path', ''],
    ['path', '/'],
    ['path', './/.'],
    ['path', 'C:'],
    ['path', 'https://'],
    ['path', '/srv/../etc'],
    ['path', 'a\\b'],
    ['path', 'x'.repeat(5_000)],
    ['command', ''],
    ['command', ' '],
    ['command', 'git '],
    ['command', 'a; b'],
    ['command', 'a\nb'],
  ] as const)('L153 no %s begins with %j', (kind, prefix) => {
    expect(faultOfPrefix(kind, prefix)).toMatch(/\w/);
  });

  it('L153 whatever comes behind a prefix, what is allowed stays behind it', () => {
    const piece = fc.constantFrom(
      '..',
      '.',
      '/',
      '\\',
      '%2e',
      '%2F',
      ' ',
      ';',
      '$',
      'a',
      'b',
      '\n',
      '-',
      '~',
      ':',
    );
    checked(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const rest = pieces.join('');
        if (isBehind('path', '/srv/app', `/srv/app${rest}`)) {
          const seen = new URL(`/srv/app${rest}`, 'http://host').pathname;
          expect(seen === '/srv/app' || seen.startsWith('/srv/app/')).toBe(true);
        }
        if (isBehind('command', 'ls', `ls${rest}`)) expect(rest).toMatch(/^( [A-Za-z0-9_.,:=@+/ -]*)?$/);
      }),
    );
  });
});
