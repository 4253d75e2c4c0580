/**
 * A stand-in for an agent: does what it is told in its first argument, a JSON list of steps, one after the other.
 *
 * - `["say", value]`: prints it as a line · `["write", text]`: prints it as it is, also in several chunks
 * - `["error", text]`: writes to standard error · `["flood", count, size]`: so many lines of that size
 * - `["hear", as]`: waits for a line on standard input, and prints it as text of an answer, in the form of `openclaw` or
 *   `claude` · `["hear end"]`: for its end
 * - `["note", path, text]`: appends to a file · `["ignore", signal]` · `["fork", path]`: a grandchild that ignores SIGTERM,
 *   holds the pipes, and has written its id to the file
 * - `["daemon", path]`: a process outside the group that holds the pipes and prints without end, until nobody reads
 * - `["hang"]`: for ever · `["kill", signal]`: itself · `["exit", code]`
 */
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const steps = JSON.parse(process.argv[2]);
let heard = '';
let hasEnded = false;
let onHeard = () => {};
process.stdin.setEncoding('utf8');
process.stdin.on('data', (text) => {
  heard += text;
  onHeard();
});
process.stdin.on('end', () => {
  hasEnded = true;
  onHeard();
});

const print = (text) => new Promise((resolve) => process.stdout.write(text, resolve));
const say = (value) => print(`${JSON.stringify(value)}\n`);
const change = () =>
  new Promise((resolve) => {
    onHeard = resolve;
  });

const WAYS = {
  say,
  write: (...chunks) => chunks.reduce((before, chunk) => before.then(() => print(chunk)), Promise.resolve()),
  error: (text) => new Promise((resolve) => process.stderr.write(text, resolve)),
  async flood(count, size) {
    const line = `${JSON.stringify({ event: 'agent', stream: 'assistant', data: { delta: 'x'.repeat(size) } })}\n`;
    for (let at = 0; at < count; at++) await print(line);
  },
  async hear(as = 'openclaw') {
    while (!heard.includes('\n') && !hasEnded) await change();
    const [line = '', ...rest] = heard.split('\n');
    heard = rest.join('\n');
    const text = hasEnded && line === '' ? '(end)' : line;
    if (as === 'claude') await say({ type: 'assistant', message: { content: [{ type: 'text', text }] } });
    else await say({ event: 'agent', stream: 'assistant', data: { delta: text } });
  },
  async 'hear end'() {
    while (!hasEnded) await change();
  },
  note: (path, text) => appendFileSync(path, text),
  async 'wait for'(path) {
    while (!existsSync(path)) await pause(10);
  },
  ignore: (signal) => process.on(signal, () => {}),
  async fork(path) {
    const program = `process.on('SIGTERM', () => {});
      require('node:fs').writeFileSync(process.argv[1], String(process.pid)); setInterval(() => {}, 1000);`;
    spawn(process.execPath, ['-e', program, path], { stdio: ['ignore', 'inherit', 'inherit'] });
    while (!existsSync(path)) await pause(10);
  },
  async daemon(path) {
    const program = `process.stdout.on('error', () => process.exit());
      require('node:fs').writeFileSync(process.argv[1], String(process.pid)); setInterval(() => console.log('noise'), 2);`;
    spawn(process.execPath, ['-e', program, path], {
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit'],
    }).unref();
    while (!existsSync(path)) await pause(10);
  },
  hang: () => new Promise(() => setInterval(() => {}, 1000)),
  kill: (signal) => {
    process.kill(process.pid, signal);
    return new Promise(() => setInterval(() => {}, 1000));
  },
  exit: (code) => process.exit(code),
  pid: (path) => writeFileSync(path, String(process.pid)),
};

for (const [name, ...values] of steps) await WAYS[name](...values);
process.stdin.destroy();
