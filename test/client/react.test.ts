/**
 * The hook on a server, by both Reacts, and the copies that it gives to render. What it does in a page is tested in a browser.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { sharedCopy } from '../../src/react/shared.js';
import { bundled } from '../support/bundle.js';
import { checked } from '../unit/property.js';
import type * as page from './pages/server-render.js';

const folder = mkdtempSync(join(tmpdir(), 'react-on-a-server-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The program with the React of that version, as a server's bundler would make it. */
async function programOf(name: string, alias: Readonly<Record<string, string>>): Promise<typeof page> {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(
    file,
    await bundled({ program: 'test/client/pages/server-render.ts', platform: 'node', alias }),
  );
  return import(pathToFileURL(file).href);
}

describe.each([
  ['18', { react: 'react18', 'react-dom': 'react-dom18' }],
  ['19', {}],
])('React %s on a server', (major, alias) => {
  it('renders the state it is given, and nothing without one; nothing is asked for', async () => {
    const { render, version } = await programOf(`react-${major}`, alias);
    expect(version.split('.')[0]).toBe(major);
    let asked = 0;
    const fetch = async () => {
      asked++;
      return new Response(null, { status: 404 });
    };
    const state = {
      ...{ cursor: '7-3', status: 'requires_action' as const, content: { text: 'Shall I?' } },
      pendingAction: {
        ...{ actionId: 'act-1', type: 'tool_approval', requests: [], questions: [], payloadDigest: 'd' },
        ...{ askedAt: 1, expiresAt: 2 },
      },
    } as const;
    expect(render('s-1', { fetch, state })).toBe('<p>Shall I? | requires_action | act-1 | connecting</p>');
    expect(render('s-1', { fetch })).toBe('<p>- | - | - | connecting</p>');
    expect(render(null, { fetch })).toBe('<p>- | - | - | -</p>');
    expect(asked).toBe(0);
    const wrong = (): unknown => render('s-1', { throttleMs: 0.5 });
    expect(wrong).toThrow('options.throttleMs: must be whole milliseconds from 0 to 10000');
    expect(() => render('s-1', { stalMs: 7 } as object)).toThrow(
      '"stalMs" is not known, did you mean "stallMs"?',
    );
  });
});

describe('a copy to render', () => {
  it('is equal to what it copies, and shares with the copy before whatever is equal', () => {
    const json = fc.jsonValue({ maxDepth: 4 });
    checked(
      fc.property(json, json, (before, now) => {
        const first = sharedCopy(undefined, before);
        expect(first).toEqual(before);
        expect(sharedCopy(first, structuredClone(before))).toBe(first);
        const next = sharedCopy(
          { kept: first, changed: first },
          { kept: structuredClone(before), changed: now },
        );
        expect(next).toEqual({ kept: before, changed: now });
        expect(next.kept).toBe(first);
      }),
      2_000,
    );
  });

  it('is not changed by what changes the content in place', () => {
    const content = { parts: [{ text: 'a' }, { text: 'b' }] };
    const first = sharedCopy(undefined, content);
    content.parts[1] = { text: 'bc' };
    const next = sharedCopy(first, content);
    expect(first).toEqual({ parts: [{ text: 'a' }, { text: 'b' }] });
    expect(next).toEqual({ parts: [{ text: 'a' }, { text: 'bc' }] });
    expect(next.parts[0]).toBe(first.parts[0]);
    expect(next).not.toBe(first);
  });
});
