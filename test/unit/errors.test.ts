/**
 * The table of errors is complete: each code has a status and a remedy, and each is used.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  ConflictError,
  ERROR_TABLE,
  type ErrorCode,
  GenerationJobError,
  isGenerationJobError,
  JobEndedError,
} from '../../src/errors.js';

const codes = Object.keys(ERROR_TABLE) as ErrorCode[];
const source = join(import.meta.dirname, '../../src');

it('every code is snake_case, has an HTTP status and a remedy that is a sentence', () => {
  for (const code of codes) {
    const { status, remedy } = ERROR_TABLE[code];
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(status, code).toBeGreaterThanOrEqual(400);
    expect(status, code).toBeLessThan(600);
    expect(remedy, code).toMatch(/^[A-Z].*\.$/);
  }
});

it('an error says what happened and what can be done, and keeps its cause', () => {
  for (const code of codes) {
    const cause = new Error('below');
    const error = new GenerationJobError(code, 'It happened.', { cause });
    expect(error.message).toBe(`It happened. ${ERROR_TABLE[code].remedy}`);
    expect(error).toMatchObject({
      name: 'GenerationJobError',
      code,
      cause,
      remedy: ERROR_TABLE[code].remedy,
    });
    expect(isGenerationJobError(error, code)).toBe(true);
    expect(isGenerationJobError(error, code === 'internal' ? 'closed' : 'internal')).toBe(false);
  }
  expect(isGenerationJobError(new Error('x'))).toBe(false);
  expect(new ConflictError('s', 7)).toMatchObject({
    name: 'ConflictError',
    code: 'conflict',
    streamId: 's',
    generation: 7,
  });
  expect(new JobEndedError('replaced')).toMatchObject({
    name: 'JobEndedError',
    code: 'job_ended',
    reason: 'replaced',
  });
  expect(new JobEndedError('fenced').code).toBe('fenced');
});

it('every code of the table is used by some source file', () => {
  const texts = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== 'errors.ts')
    .map((name) => readFileSync(join(source, name), 'utf8'))
    .join('\n');
  // `internal` and the codes of JobEndedError are given by errors.ts itself.
  const own = readFileSync(join(source, 'errors.ts'), 'utf8').split('export type ErrorCode')[1] ?? '';
  const unused = codes.filter((code) => !texts.includes(`'${code}'`) && !own.includes(`'${code}'`));
  expect(unused).toEqual([]);
});
