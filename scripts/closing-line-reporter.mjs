/**
 * A Vitest reporter that ends the output with what took how long, by folder, and one plain line, `N passed, N failed`,
 * for whoever reads the result without knowing Vitest. Printed as the process exits, so it comes after Vitest's own
 * summary. What failed outside a test (a file that can't be loaded, an unhandled rejection) counts as failed too: a run
 * that exits non-zero because of it must not read as a success. So does each process that outlives the run: it is named,
 * ended, and fails the run.
 */
import { writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { leftovers, markRun } from './leftovers.mjs';

/** The time that a worker which is told to end, and the servers that end with it, may take on a busy machine. */
const GONE_WITHIN_MS = 5_000;

export default class ClosingLineReporter {
  #mark;

  onInit() {
    this.#mark = markRun();
  }

  onTestRunEnd(modules, unhandledErrors) {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const seconds = new Map();
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        count[state === 'pending' ? 'skipped' : state] += 1;
      }
      count.failed += module.errors().length;
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length;
      const folder = dirname(module.relativeModuleId);
      seconds.set(folder, (seconds.get(folder) ?? 0) + module.diagnostic().duration / 1000);
    }
    const slowest = [...seconds].sort(([, one], [, other]) => other - one);
    const times = slowest.map(([folder, took]) => `${folder} ${took.toFixed(0)} s`).join(', ');
    process.once('exit', () => {
      const left = leftovers(this.#mark, GONE_WITHIN_MS);
      for (const { pid, command } of left) {
        writeSync(1, `\noutlived the tests that started it: process ${pid}: ${command}\n`);
        process.kill(pid, 'SIGKILL');
      }
      if (left.length > 0) process.exitCode = 1;
      const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
      const line = `${count.passed} passed, ${count.failed + left.length} failed${skipped}`;
      writeSync(1, `\n${times}\n\n${line}\n`);
    });
  }
}
