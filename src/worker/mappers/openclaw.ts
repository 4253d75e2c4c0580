/** openclaw: `{ event: 'agent', stream, data }`, with deltas for thinking and answer. */
import type { HostEvent } from '../../stream/model/host-types.js';
import {
  contentOf,
  errorText,
  type Fields,
  failed,
  fieldsOf,
  nameOf,
  textOf,
  unknownLine,
  wordOf,
} from './line-fields.js';
import { type AgentEnd, defineMapper, type OwnMapping, type OwnReader } from './mapper.js';

export const openclaw = defineMapper({ name: 'openclaw', start: () => new OpenclawLines() });

class OpenclawLines implements OwnReader {
  /** An error told with the answer; the end of the lifecycle comes after it, and says nothing of it. */
  #failure: AgentEnd | undefined;
  readonly #files = new Set<string>();

  read(line: Fields): OwnMapping {
    const data = fieldsOf(line.data);
    if (line.event === 'error') return { end: failed(line.error ?? line.message ?? line.data) };
    if (line.event !== 'agent') return unknownLine(line.event);
    switch (line.stream) {
      case 'lifecycle':
        return this.#lifecycle(data);
      case 'thinking':
        return { events: pieceOf('reasoning', data.delta) };
      case 'assistant':
        return this.#assistant(data);
      case 'tool':
        return toolOf(data);
      case 'compaction':
        return {
          status: data.phase === 'start' ? 'compacting' : data.willRetry === true ? 'preparing' : null,
        };
      default:
        return unknownLine(line.stream);
    }
  }

  endAtExit(): AgentEnd | undefined {
    return this.#failure;
  }

  #lifecycle({ phase, error }: Fields): OwnMapping {
    switch (phase) {
      case 'start':
        return { status: 'preparing' };
      case 'end':
        return { end: this.#failure ?? { ok: true } };
      case 'error':
        return { end: this.#failure ?? failed(error) };
      default:
        return unknownLine(`lifecycle ${nameOf(phase)}`);
    }
  }

  #assistant({ delta, mediaUrls, stopReason, errorMessage }: Fields): OwnMapping {
    if (wordOf(errorMessage) !== undefined || stopReason === 'error')
      this.#failure = failed(errorMessage ?? stopReason);
    const urls = Array.isArray(mediaUrls) ? mediaUrls.flatMap((url: unknown) => wordOf(url) ?? []) : [];
    const files = urls.filter((url) => !this.#files.has(url));
    for (const url of files) this.#files.add(url);
    const shown = files.map((url): HostEvent => ({ event: 'file', data: { url } }));
    return { events: [...pieceOf('text', delta), ...shown] };
  }
}

function pieceOf(event: 'text' | 'reasoning', delta: unknown): HostEvent[] {
  const text = textOf(delta) ?? '';
  return text === '' ? [] : [{ event, data: { text } }];
}

function toolOf({ phase, toolCallId, name, args, result, isError }: Fields): OwnMapping {
  const id = wordOf(toolCallId);
  if (id === undefined) return unknownLine('tool without an id');
  switch (phase) {
    case 'start':
      return { events: [{ event: 'tool', data: { id, name: wordOf(name) ?? '', input: args ?? {} } }] };
    case 'update':
      return {};
    case 'result': {
      const said = fieldsOf(result).content ?? result ?? null;
      const outcome = isError === true ? { error: errorText(said) } : { output: contentOf(said) };
      return { events: [{ event: 'tool', data: { id, ...outcome } }] };
    }
    default:
      return unknownLine(`tool ${nameOf(phase)}`);
  }
}
