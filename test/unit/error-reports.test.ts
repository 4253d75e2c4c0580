import { describe, expect, it } from 'vitest';
import { GenerationJobError } from '../../src/errors.js';
import type { Logger } from '../../src/stream/interfaces/logger.js';
import type { ErrorReport } from '../../src/stream/model/error-report.js';
import { ErrorReporter, type ErrorReporterInput } from '../../src/stream/process/error-reports.js';
import { FakeClock, turns } from '../../src/testing/fake-clock.js';

function reporting(input: Partial<ErrorReporterInput> = {}) {
  const clock = new FakeClock();
  const printed: string[] = [];
  const failed: string[] = [];
  const reporter = new ErrorReporter({
    logErrors: 'full',
    clock,
    hookFailed: (hook) => failed.push(hook),
    print: (text) => printed.push(text),
    ...input,
  });
  return { clock, printed, failed, reporter };
}

function keepingLogger() {
  const lines: { level: string; fields: Record<string, unknown>; message: string }[] = [];
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields: { ...fields }, message });
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { lines, logger };
}

const record = { streamId: 's', generation: 3, attempt: 2, id: 'inner', userId: 'ann' };

describe('an error that nobody else is told', () => {
  it('reaches onError itself, with where it was and of which generation, and the log in full', () => {
    const { lines, logger } = keepingLogger();
    const reports: ErrorReport[] = [];
    const { reporter, printed } = reporting({ logger, onError: (report) => void reports.push(report) });
    const error = new Error('no such table', { cause: new Error('disk') });
    reporter.report({ where: 'settle', error, record, details: { tries: 2 } });
    // Of the record only which job it is: the rest may hold what a host keeps secret.
    const subject = { streamId: 's', generation: 3, attempt: 2 };
    expect(reports).toEqual([{ where: 'settle', error, record: subject, details: { tries: 2 } }]);
    expect(reports[0]?.error).toBe(error);
    const fields = { where: 'settle', tries: 2, streamId: 's', generation: 3, attempt: 2, err: error };
    expect(lines).toEqual([{ level: 'error', fields, message: 'a settlement failed' }]);
    expect(printed).toEqual([]);
  });

  it('is logged by its name and where it was thrown alone with logErrors name', () => {
    const { lines, logger } = keepingLogger();
    const { reporter } = reporting({ logger, logErrors: 'name' });
    const cause = new GenerationJobError('unavailable', 'secret-2');
    const error = Object.assign(new TypeError('secret-1\n at secret-1', { cause }), { token: 'secret-3' });
    reporter.report({ where: 'producer', error });
    expect(lines[0]?.fields).toMatchObject({
      where: 'producer',
      error: 'TypeError',
      causes: ['unavailable'],
    });
    expect(String(lines[0]?.fields.at)).toContain('error-reports.test.ts');
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  it('goes to standard error with its stack and its causes when there is neither hook nor logger', () => {
    const { reporter, printed } = reporting();
    const error = new Error('no such table', { cause: new Error('disk full') });
    reporter.report({ where: 'settle', error, record });
    expect(printed).toHaveLength(1);
    expect(printed[0]).toContain('a settlement failed (where settle, streamId s, generation 3, attempt 2)');
    expect(printed[0]).toMatch(/Error: no such table\n +at .*error-reports\.test\.ts/);
    expect(printed[0]).toContain('Caused by: Error: disk full');
  });

  it('is printed ten times a minute at most, and then how many were left out is', async () => {
    const { reporter, printed, clock } = reporting();
    for (let n = 0; n < 35; n++) reporter.report({ where: 'producer', error: new Error(`number ${n}`) });
    expect(printed).toHaveLength(10);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(59_999);
    expect(printed).toHaveLength(10);
    await clock.advance(1);
    expect(printed.slice(10)).toEqual(['generation-jobs: 25 more errors were not printed.']);
    reporter.report({ where: 'producer', error: new Error('the next minute') });
    expect(printed[11]).toContain('the next minute');
    for (let n = 0; n < 12; n++) reporter.report({ where: 'producer', error: 'again' });
    reporter.close();
    expect(printed.at(-1)).toBe('generation-jobs: 3 more errors were not printed.');
    expect(clock.pendingTimers).toBe(0);
  });

  it.each([
    ['throws', () => Promise.reject(new Error('the hook'))],
    [
      'throws at once',
      () => {
        throw new Error('the hook');
      },
    ],
  ])(
    'harms nobody when the hook %s: that is counted and logged, and not told to the hook',
    async (_, onError) => {
      const { lines, logger } = keepingLogger();
      const { reporter, failed } = reporting({ logger, onError });
      reporter.report({ where: 'producer', error: new Error('the first') });
      await turns(2);
      expect(failed).toEqual(['onError']);
      expect(lines.map(({ fields }) => fields.where)).toEqual(['producer', 'onError']);
    },
  );

  it('harms nobody when the hook hangs, when the error can’t be read, or when nothing can be written', async () => {
    const hanging = reporting({ onError: () => new Promise(() => {}) });
    hanging.reporter.report({ where: 'producer', error: 1 });
    hanging.reporter.close();
    const odd = new Error('odd');
    Object.defineProperty(odd, 'stack', {
      get() {
        throw new Error('the stack itself');
      },
    });
    const unreadable = reporting();
    unreadable.reporter.report({ where: 'producer', error: odd });
    expect(unreadable.failed).toEqual(['onError']);
    const closedPipe = reporting({
      print: () => {
        throw new Error('EPIPE');
      },
    });
    closedPipe.reporter.report({ where: 'producer', error: new Error('x') });
    expect(closedPipe.failed).toEqual(['onError']);
  });
});
