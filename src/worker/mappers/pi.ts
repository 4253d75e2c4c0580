/**
 * pi (`--mode json`), of both generations. In 0.7x an update carries the message so far and `agent_end` is the end; in 1.x
 * it carries the delta alone, `agent_end` says whether another try follows, and `agent_settled` is the end. A message's end
 * is what counts of it.
 */
import type { HostEvent } from '../../stream/model/host-types.js';
import {
  contentOf,
  errorText,
  type Fields,
  failed,
  fieldsOf,
  numbersIn,
  objectsIn,
  textOf,
  unknownLine,
  wordOf,
} from './line-fields.js';
import { type AgentEnd, defineMapper, type OwnMapping, type OwnReader } from './mapper.js';
import { ToldTexts } from './told-texts.js';

export const pi = defineMapper({ name: 'pi', goesOn: true, start: () => new PiLines() });

const SILENT: ReadonlySet<string> = new Set([
  'turn_start',
  'turn_end',
  'queue_update',
  'tool_execution_update',
  'auto_retry_end',
]);

class PiLines implements OwnReader {
  readonly #told = new ToldTexts();
  #message = 0;
  /** The calls of the message that is being written, by the index of their block. */
  readonly #calls = new Map<number, string>();
  #failure: AgentEnd | undefined;
  /** The end as it was told; a compaction may come after it, and so may another try. */
  #ended: AgentEnd | undefined;
  /** The parts of a message that has failed: another try tells them anew. */
  #failedParts: readonly string[] = [];

  read(line: Fields): OwnMapping {
    const type = wordOf(line.type);
    if (type !== undefined && SILENT.has(type)) return {};
    switch (type) {
      case 'session': {
        const session = wordOf(line.id);
        return session === undefined ? {} : { session };
      }
      case 'agent_start':
        this.#ended = undefined;
        return { status: 'preparing', end: null };
      case 'message_start':
        return this.#begin(fieldsOf(line.message));
      case 'message_update':
        return { events: this.#update(fieldsOf(line.assistantMessageEvent)) };
      case 'message_end':
        return this.#whole(fieldsOf(line.message));
      case 'tool_execution_start':
        return toolLine(line, { name: wordOf(line.toolName) ?? '', input: line.args ?? {} });
      case 'tool_execution_end': {
        const said = fieldsOf(line.result).content ?? line.result ?? null;
        return toolLine(
          line,
          line.isError === true ? { error: errorText(said) } : { output: contentOf(said) },
        );
      }
      case 'compaction_start':
        return { status: 'compacting', end: null };
      case 'compaction_end':
        return { status: null, ...(this.#ended !== undefined && { end: this.#ended }) };
      case 'auto_retry_start':
        return this.#tryAgain();
      case 'agent_end':
        // 1.x says of each end whether another try follows, and settles later.
        return line.willRetry === undefined ? this.#end(this.#failure) : {};
      case 'agent_settled':
        return this.#end(line.aborted === true ? failed('aborted') : this.#failure);
      default:
        return unknownLine(type);
    }
  }

  endAtExit(): AgentEnd | undefined {
    return this.#ended ?? this.#failure;
  }

  #end(failure: AgentEnd | undefined): OwnMapping {
    this.#ended = failure ?? { ok: true };
    return { end: this.#ended };
  }

  /** The failed message is out of the conversation, and its text would come twice. */
  #tryAgain(): OwnMapping {
    const ids = this.#failedParts;
    this.#failedParts = [];
    this.#ended = undefined;
    const events = ids.length === 0 ? [] : [{ event: 'withdrawn', data: { ids } }];
    return { events, status: 'trying again', end: null };
  }

  #begin({ role }: Fields): OwnMapping {
    if (role !== 'assistant') return {};
    this.#message++;
    this.#calls.clear();
    return {};
  }

  #update(event: Fields): HostEvent[] {
    const index = typeof event.contentIndex === 'number' ? event.contentIndex : 0;
    switch (event.type) {
      case 'text_delta':
        return this.#told.piece('text', this.#idOf(index), textOf(event.delta) ?? '');
      case 'thinking_delta':
        return this.#told.piece('reasoning', this.#idOf(index), textOf(event.delta) ?? '');
      case 'toolcall_start':
        return this.#beginCall(index, event);
      case 'toolcall_delta': {
        const [id, inputText] = [this.#calls.get(index), textOf(event.delta) ?? ''];
        return id === undefined || inputText === '' ? [] : [{ event: 'tool', data: { id, inputText } }];
      }
      case 'toolcall_end':
        return callEvents(fieldsOf(event.toolCall));
      default:
        return [];
    }
  }

  #beginCall(index: number, event: Fields): HostEvent[] {
    const content = objectsIn(fieldsOf(event.partial).content);
    const call = [fieldsOf(event.toolCall), fieldsOf(content[index]), event].find(({ id }) => wordOf(id));
    const id = wordOf(call?.id);
    if (id === undefined) return [];
    this.#calls.set(index, id);
    return [{ event: 'tool', data: { id, name: wordOf(call?.name) ?? '' } }];
  }

  #whole(message: Fields): OwnMapping {
    if (message.role !== 'assistant') return {};
    const hasFailed = message.stopReason === 'error' || message.stopReason === 'aborted';
    this.#failure = hasFailed ? failed(message.errorMessage ?? message.stopReason) : undefined;
    const parts = objectsIn(message.content);
    this.#failedParts = hasFailed ? parts.map(({ id }, index) => wordOf(id) ?? this.#idOf(index)) : [];
    const events = parts.flatMap((block, index): HostEvent[] => {
      switch (block.type) {
        case 'text':
          return this.#told.whole('text', this.#idOf(index), textOf(block.text) ?? '');
        case 'thinking':
          return this.#told.whole('reasoning', this.#idOf(index), textOf(block.thinking) ?? '');
        case 'toolCall':
          return callEvents(block);
        default:
          return [];
      }
    });
    const numbers = numbersIn(message.usage);
    const model = wordOf(message.model);
    const usage = { kind: 'model', ...(model !== undefined && { model }), ...numbers };
    return { events, ...(Object.keys(numbers).length > 0 && { usage: [usage] }) };
  }

  #idOf(index: number): string {
    return `message-${this.#message}/${index}`;
  }
}

function callEvents({ id, name, arguments: input }: Fields): HostEvent[] {
  const call = wordOf(id);
  return call === undefined
    ? []
    : [{ event: 'tool', data: { id: call, name: wordOf(name) ?? '', input: input ?? {} } }];
}

function toolLine({ toolCallId }: Fields, news: Fields): OwnMapping {
  const id = wordOf(toolCallId);
  return id === undefined
    ? unknownLine('tool without an id')
    : { events: [{ event: 'tool', data: { id, ...news } }] };
}
