import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERROR_TABLE } from '../../src/errors.js';
import { parseHandlerOptions, parseRouterOptions } from '../../src/http/route-options.js';
import {
  FOLLOWER_EVENTS,
  LIFECYCLE_EVENTS,
  TRANSITIONS,
  type Transition,
} from '../../src/stream/model/transitions.js';
import { plain, ROOT, read, section, tableRows } from './markdown.js';

const STATUS = new Map<string, number>(
  Object.entries(ERROR_TABLE).map(([code, { status }]) => [code, status]),
);

describe('the tables of the documents', () => {
  it('that are made from the code are as the code would make them now', () => {
    const script = join(ROOT, 'scripts', 'docs-tables.mjs');
    const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  it('list every error with its status', () => {
    const rows = tableRows(read('docs/reference.md'), 'errors');
    expect(new Map(rows.map(([code, status]) => [plain(code), Number(status)]))).toEqual(STATUS);
  });

  it('give the codes of the routes the status the routes answer with', () => {
    for (const table of ['codes', 'decision-codes']) {
      const rows = tableRows(read('PROTOCOL.md'), table);
      expect(rows.length).toBeGreaterThan(10);
      for (const [code, status] of rows)
        expect([code, Number(status)]).toEqual([code, STATUS.get(plain(code))]);
    }
  });

  it('list every transition as it is', () => {
    const rows = tableRows(read('PROTOCOL.md'), 'transitions').map(
      ([name, from, to, by, guard, attempt, event]) => [
        plain(name),
        {
          from: from?.split(', ').map(plain),
          to: plain(to),
          by,
          event: plain(event),
          ...(guard !== '' && { guard }),
          ...(attempt !== '' && { nextAttempt: true }),
        },
      ],
    );
    expect(Object.fromEntries(rows)).toEqual(TRANSITIONS satisfies Record<string, Transition>);
  });

  it('list every lifecycle and follower event, and failure codes that exist', () => {
    const firstCells = (number: string) => tableRows(section(number)).map(([cell]) => plain(cell));
    expect(firstCells('3.1')).toEqual([...LIFECYCLE_EVENTS]);
    expect(firstCells('3.2')).toEqual([...FOLLOWER_EVENTS]);
    for (const code of firstCells('3.3')) expect(STATUS.has(code), code).toBe(true);
  });

  it('list every option of the routes with its default', () => {
    const given = { authorize: () => null };
    const defaults = { ...parseRouterOptions(given), ...parseHandlerOptions(given) };
    const rows = tableRows(read('docs/reference.md'), 'route-options');
    expect(rows.map(([name]) => plain(name)).sort()).toEqual(
      [...Object.keys(defaults), 'readerBytes'].sort(),
    );
    for (const [name, value] of rows) {
      const actual = defaults[plain(name) as keyof typeof defaults];
      const measure = plain(name ?? '').endsWith('Bytes')
        ? { size: 1024, unit: 'KiB' }
        : { size: 1000, unit: 's' };
      if (typeof actual !== 'number') continue;
      expect([name, value]).toEqual([name, `${actual / measure.size} ${measure.unit}`]);
    }
  });
});
