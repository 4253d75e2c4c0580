/**
 * Agents that are commands (`--cli`): how each is started, and what stands in for it where it is not on the PATH. What they
 * print becomes the job's events by the library's mapper of the same name.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AgentMapperName, AgentProcessOptions } from 'generation-jobs/worker';
import { findOnPath } from './on-path.js';

interface Command {
  readonly program: string;
  args(prompt: string): readonly string[];
  /** What is written to its standard input. */
  stdin?(prompt: string): string;
  /** The variables that it may need beside those that every program gets. */
  readonly keys: readonly string[];
}

const COMMANDS = {
  'claude-code': {
    program: 'claude',
    args: () => [
      ...['-p', '--output-format', 'stream-json', '--input-format', 'stream-json', '--verbose'],
      ...['--include-partial-messages', '--permission-prompt-tool', 'stdio'],
    ],
    stdin: (prompt) => `${JSON.stringify({ type: 'user', message: { role: 'user', content: prompt } })}\n`,
    keys: ['ANTHROPIC_API_KEY', 'CLAUDE_CODE_OAUTH_TOKEN'],
  },
  codex: {
    program: 'codex',
    args: (prompt) => ['exec', '--json', '--skip-git-repo-check', '--', prompt],
    keys: ['OPENAI_API_KEY', 'CODEX_API_KEY'],
  },
  'gemini-cli': {
    program: 'gemini',
    args: (prompt) => ['--output-format', 'stream-json', `--prompt=${prompt}`],
    keys: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
  },
  opencode: {
    program: 'opencode',
    args: (prompt) => ['run', '--format', 'json', '--', prompt],
    keys: ['ANTHROPIC_API_KEY', 'OPENAI_API_KEY', 'GEMINI_API_KEY'],
  },
  pi: {
    program: 'pi',
    // A message that begins like an option, or like a file, is neither.
    args: (prompt) => ['--mode', 'json', prompt.replace(/^(?=[-@])/, ' ')],
    keys: ['ANTHROPIC_API_KEY', 'OPENAI_API_KEY', 'GEMINI_API_KEY'],
  },
} as const satisfies Partial<Record<AgentMapperName, Command>>;

export type CommandName = keyof typeof COMMANDS;

/** What an answer fails with whose agent has died with the process that ran it. */
export const AGENT_LOST = { code: 'agent_lost', message: 'The agent is gone.', retryable: true };
const NAMES = Object.keys(COMMANDS) as CommandName[];
const EVERYBODYS = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'TERM'];
const STAND_IN = fileURLToPath(new URL('../standing-in/stand-in.js', import.meta.url));
const SECOND = 1000;
/** Lines that a stand-in prints in a second, unless the request says how many. */
const STAND_IN_SPEED = 30;

let folder: string | undefined;

/** @throws Error naming the nearest command there is */
export function commandNamed(given: string): CommandName {
  const known = NAMES.find((name) => name === given);
  if (known) return known;
  const [nearest] = [...NAMES].sort((a, b) => distance(given, a) - distance(given, b));
  throw new Error(
    `--cli: there is no ${JSON.stringify(given.slice(0, 40))} here; did you mean ${nearest}? There are ${NAMES.join(', ')}`,
  );
}

/** Whether the command itself is missing, and the example's own program prints its lines. */
function isStandIn(name: CommandName): boolean {
  return findOnPath(COMMANDS[name].program) === undefined;
}

/** In words, for the console. */
export function announcementOf(name: CommandName): string {
  const { program } = COMMANDS[name];
  return isStandIn(name)
    ? `${program} is not on the PATH: a stand-in of the example prints the lines of ${name}`
    : `${findOnPath(program)} answers as ${name}`;
}

/** In words, for the page. */
export function labelOf(name: CommandName): string {
  return isStandIn(name) ? `${name} (a stand-in)` : name;
}

export function processOptions(
  name: CommandName,
  prompt: string,
  standInSpeed = STAND_IN_SPEED,
): AgentProcessOptions {
  const command: Command = COMMANDS[name];
  const stdin = command.stdin?.(prompt);
  const shared = { mapper: name, cwd: ownFolder(), ...(stdin !== undefined && { stdin }) };
  if (isStandIn(name)) {
    const args = [STAND_IN, name, String(SECOND / standInSpeed), stdin === undefined ? prompt : ''];
    return { ...shared, command: process.execPath, args, env: environment([]) };
  }
  const { program, keys } = command;
  return { ...shared, command: program, args: command.args(prompt), env: environment(keys) };
}

/** Empty, so that an agent finds nothing of this repository, and gone with this process. */
function ownFolder(): string {
  if (folder !== undefined) return folder;
  const made = mkdtempSync(join(tmpdir(), 'chat-agent-'));
  process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  folder = made;
  return made;
}

function environment(keys: readonly string[]): Record<string, string> {
  const found = [...EVERYBODYS, ...keys].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(found);
}

/** How far a name is from what was given: a name that begins with it is nearest, then by letters that differ. */
function distance(given: string, name: string): number {
  if (given !== '' && (name.startsWith(given) || given.startsWith(name))) return 0;
  let row = Array.from({ length: name.length + 1 }, (_, at) => at);
  for (const [at, letter] of [...given.slice(0, 40)].entries()) {
    const next = [at + 1];
    for (const [index, other] of [...name].entries())
      next.push(
        Math.min(
          (row[index + 1] ?? 0) + 1,
          (next[index] ?? 0) + 1,
          (row[index] ?? 0) + (letter === other ? 0 : 1),
        ),
      );
    row = next;
  }
  return row.at(-1) ?? 0;
}
