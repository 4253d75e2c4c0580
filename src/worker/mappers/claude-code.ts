/**
 * Claude Code (`--output-format stream-json --verbose`, with `--input-format stream-json` for questions and
 * `--include-partial-messages` for deltas). A message comes in pieces and then, block by block, whole; a sub-agent's lines
 * name the call that runs it. A `result` ends a turn, and another turn may follow while there is input.
 */
import { ClaudeBlocks } from './claude-blocks.js';
import { permissionQuestion, refusedRequest } from './claude-control.js';
import { ClaudeUsage } from './claude-usage.js';
import { type Fields, failed, fieldsOf, nameOf, unknownLine, wordOf } from './line-fields.js';
import { type AgentEnd, defineMapper, type OwnMapping, type OwnReader } from './mapper.js';

export const claudeCode = defineMapper({
  name: 'claude-code',
  keepsStdin: true,
  goesOn: true,
  start: () => new ClaudeLines(),
});

/** Lines that say only that the agent is alive, or what a host has no use for. */
const SILENT: ReadonlySet<string> = new Set([
  'keep_alive',
  'tool_progress',
  'rate_limit_event',
  'control_response',
]);
const SILENT_SYSTEM: ReadonlySet<string> = new Set([
  'session_state_changed',
  'task_started',
  'task_progress',
  'task_notification',
  'permission_denied',
  'worker_shutting_down',
]);

class ClaudeLines implements OwnReader {
  readonly #blocks = new ClaudeBlocks();
  readonly #usage = new ClaudeUsage();
  #isOver = false;
  /** An error told with a message: why there is no result, when none comes. */
  #failure: AgentEnd | undefined;

  read(line: Fields): OwnMapping {
    const type = wordOf(line.type);
    if (type !== undefined && SILENT.has(type)) return {};
    switch (type) {
      case 'system':
        return { ...(beginsTurn(line) && this.#goingOn()), ...systemLine(line) };
      case 'stream_event':
        return { ...this.#goingOn(), events: this.#blocks.streamed(line) };
      case 'assistant':
        this.#failure = wordOf(line.error) === undefined ? undefined : failed(line.error);
        return { ...this.#goingOn(), events: this.#blocks.assistant(line) };
      case 'user':
        return { events: this.#blocks.results(line) };
      case 'control_request':
        return requestLine(line);
      case 'control_cancel_request': {
        const withdrawn = wordOf(line.request_id);
        return withdrawn === undefined ? unknownLine(type) : { withdrawn };
      }
      case 'result':
        return this.#result(line);
      default:
        return unknownLine(type);
    }
  }

  endAtExit(): AgentEnd | undefined {
    return this.#failure;
  }

  /** Lines that come after a result are of another turn. */
  #goingOn(): OwnMapping {
    if (!this.#isOver) return {};
    this.#isOver = false;
    return { end: null };
  }

  #result(line: Fields): OwnMapping {
    this.#isOver = true;
    const answer = wordOf(line.result);
    // What the turn has said already stands in it again.
    const isNew = answer !== undefined && line.is_error !== true && !this.#blocks.hasTextSinceTurn;
    this.#blocks.endTurn();
    return {
      ...(isNew && { events: [{ event: 'text', data: { text: answer } }] }),
      usage: this.#usage.newIn(line),
      end: endOf(line),
    };
  }
}

function endOf(line: Fields): AgentEnd {
  const detail =
    wordOf(line.result) ?? (Array.isArray(line.errors) ? line.errors.map(nameOf).join('; ') : line.subtype);
  switch (line.subtype) {
    case 'success':
      return line.is_error === true ? failed(detail) : { ok: true };
    case 'error_max_turns':
      return failed(detail, 'agent_out_of_turns');
    case 'error_max_budget_usd':
      return failed(detail, 'agent_out_of_budget');
    default:
      return failed(detail);
  }
}

/** Says whether the agent is at work: the lines that tell of tasks and states come after a result too. */
function beginsTurn({ subtype, state, status }: Fields): boolean {
  if (subtype === 'session_state_changed') return state === 'running';
  if (subtype === 'status') return status === 'compacting';
  return subtype === 'init' || subtype === 'api_retry';
}

function systemLine(line: Fields): OwnMapping {
  const subtype = wordOf(line.subtype);
  if (subtype !== undefined && SILENT_SYSTEM.has(subtype)) return {};
  switch (subtype) {
    case 'init': {
      const session = wordOf(line.session_id);
      return { status: 'preparing', ...(session !== undefined && { session }) };
    }
    case 'status':
      return { status: line.status === 'compacting' ? 'compacting' : null };
    case 'compact_boundary':
      return { status: null };
    case 'api_retry':
      return { status: 'trying again' };
    default:
      return unknownLine(`system ${nameOf(subtype)}`);
  }
}

function requestLine({ request_id, request }: Fields): OwnMapping {
  const id = wordOf(request_id);
  if (id === undefined) return unknownLine('control_request without an id');
  const asked = fieldsOf(request);
  if (asked.subtype === 'can_use_tool') return { question: permissionQuestion(id, asked) };
  // Left without an answer, the agent would wait for one.
  return { ...unknownLine(`control_request ${nameOf(asked.subtype)}`), reply: refusedRequest(id) };
}
