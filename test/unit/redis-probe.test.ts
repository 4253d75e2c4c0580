/**
 * The probe of a starting replica tries what the scripts use: a script that comes to use another command fails here.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const folder = join(import.meta.dirname, '../../redis-lua');

function commandsOf(text: string): string[] {
  return [...text.matchAll(/(?:\bredis\.p?call\(|\btry\(|\bwrite\(|\{ |[A-Z] = )'([A-Z]+)'/g)].map(
    ([, command]) => command as string,
  );
}

it('a starting replica tries every command that any script uses', () => {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.lua'),
  );
  const used = files
    .filter((name) => name !== 'probe.lua')
    .flatMap((name) => commandsOf(readFileSync(join(folder, name), 'utf8')));
  const tried = commandsOf(readFileSync(join(folder, 'probe.lua'), 'utf8'));
  expect(used.length).toBeGreaterThan(50);
  expect([...new Set(used)].filter((command) => !tried.includes(command))).toEqual([]);
});
