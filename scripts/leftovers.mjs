/**
 * Finds the processes that outlive the test run which started them, directly or through others: each inherits the run's
 * mark in its environment, and the system still shows it when all that started it is gone. Knows no test and no program.
 * Where the system doesn't show it (no /proc), nothing is found.
 */
import { readdirSync, readFileSync } from 'node:fs';

const VARIABLE = 'TEST_RUN';

/** Marks this process: what it starts from now on is part of the run, and so on. Returns the mark. */
export function markRun() {
  const mark = `${process.pid}-${Date.now()}`;
  process.env[VARIABLE] = mark;
  return mark;
}

/**
 * Waits until nothing is left of a run but this process and its own children, which end with it.
 * @param withinMs the longest wait; nothing else runs in this process meanwhile
 * @returns what is there still: its process id and its command line
 */
export function leftovers(mark, withinMs) {
  const asleep = new Int32Array(new SharedArrayBuffer(4));
  for (const until = performance.now() + withinMs; ; ) {
    const left = marked(mark);
    if (left.length === 0 || performance.now() > until) return left;
    Atomics.wait(asleep, 0, 0, 50);
  }
}

function marked(mark) {
  return processIds().flatMap((pid) => {
    const [environment, status, command] = ['environ', 'status', 'cmdline'].map((file) => shown(pid, file));
    if (!environment.split('\0').includes(`${VARIABLE}=${mark}`)) return [];
    const parent = Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]);
    if (pid === process.pid || parent === process.pid) return [];
    return [{ pid, command: command.replaceAll('\0', ' ').trim() }];
  });
}

function processIds() {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return []; // another system
  }
}

function shown(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // it has ended meanwhile, or is somebody else's
  }
}
