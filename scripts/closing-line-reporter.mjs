/**
 * A Vitest reporter that ends the output with what took how long, by folder, and one plain line, `N passed, N failed`,
 * for whoever reads the result without knowing Vitest. Printed as the process exits, so it comes after Vitest's own
 * summary. What failed outside a test (a file that can't be loaded, an unhandled rejection) counts as failed too: a run
 * that exits non-zero because of it must not read as a success.
 */
import { writeSync } from 'node:fs';
import { dirname } from 'node:path';

export default class ClosingLineReporter {
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
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
    const line = `${count.passed} passed, ${count.failed} failed${skipped}`;
    process.once('exit', () => writeSync(1, `\n${times}\n\n${line}\n`));
  }
}
