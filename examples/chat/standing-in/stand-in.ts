/**
 * Stands in for an agent's command that is not installed: prints its lines, an answer with one call of a tool, and says in
 * that answer what it is. As `claude-code` it takes the message on standard input and asks there whether it may call the tool.
 *
 * Arguments: the command's name, the milliseconds between two lines, the message.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { LINES, type Line } from './lines.js';
import { wordsFor } from './words.js';

const [, , name = '', pace = '0', message = ''] = process.argv;
/** Lines that have come on standard input and nobody has read; undefined is its end. */
const heard: (Line | undefined)[] = [];
let onHeard = () => {};
let rest = '';

// Whoever reads these lines has gone.
process.stdout.on('error', () => process.exit(1));
process.stdin.setEncoding('utf8');
process.stdin.on('data', (text: string) => {
  const lines = (rest + text).split('\n');
  rest = lines.pop() ?? '';
  heard.push(...lines.filter((line) => line !== '').map((line): Line => JSON.parse(line)));
  onHeard();
});
process.stdin.on('end', () => {
  heard.push(undefined);
  onHeard();
});

const lines = LINES[name];
if (lines === undefined) throw new Error(`nothing stands in for ${name}`);
const asksOnInput = name === 'claude-code';
const prompt = asksOnInput ? messageIn(await hear()) : message;
for await (const line of lines(wordsFor(name, prompt), ask)) {
  await print(line);
  await pause(Number(pace));
}
// As the real one, which may be given another message.
if (asksOnInput) await hear();
process.exit(0);

async function ask(question: Line): Promise<Line> {
  await print(question);
  const { response } = ((await hear()) ?? process.exit(1)) as { response?: { response?: Line } };
  return response?.response ?? {};
}

async function hear(): Promise<Line | undefined> {
  while (heard.length === 0)
    await new Promise<void>((resolve) => {
      onHeard = resolve;
    });
  return heard.shift();
}

function print(line: Line): Promise<void> {
  return new Promise((resolve) => process.stdout.write(`${JSON.stringify(line)}\n`, () => resolve()));
}

function messageIn(line: Line | undefined): string {
  return String((line as { message?: { content?: unknown } } | undefined)?.message?.content ?? '');
}
