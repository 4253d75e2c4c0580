/** Lines that are chunks of the AI SDK's UI message stream. Its names of texts are of one step: the next one has them anew. */
import type { HostEvent } from '../../stream/model/host-types.js';
import {
  type Fields,
  failed,
  fieldsOf,
  nameOf,
  numbersIn,
  textOf,
  unknownLine,
  wordOf,
} from './line-fields.js';
import { type AgentEnd, defineMapper, type OwnMapping, type OwnReader } from './mapper.js';

export const aiSdkUi = defineMapper({ name: 'ai-sdk-ui', start: () => new UiChunks() });

const SILENT: ReadonlySet<string> = new Set(['start-step', 'finish-step']);

class UiChunks implements OwnReader {
  readonly #texts = new Map<string, string>();
  #count = 0;

  read(chunk: Fields): OwnMapping {
    const type = wordOf(chunk.type);
    if (type !== undefined && SILENT.has(type)) return {};
    switch (type) {
      case 'start':
        return { status: 'preparing' };
      case 'text-start':
      case 'reasoning-start':
        this.#count++;
        this.#texts.set(`${type.replace('-start', '')} ${nameOf(chunk.id)}`, `text-${this.#count}`);
        return {};
      case 'text-end':
      case 'reasoning-end':
        this.#texts.delete(`${type.replace('-end', '')} ${nameOf(chunk.id)}`);
        return {};
      case 'text-delta':
        return { events: this.#piece('text', chunk) };
      case 'reasoning-delta':
        return { events: this.#piece('reasoning', chunk) };
      case 'file':
      case 'source-url': {
        const [url, mediaType, name] = [wordOf(chunk.url), wordOf(chunk.mediaType), wordOf(chunk.title)];
        return url === undefined
          ? unknownLine(type)
          : { events: [{ event: 'file', data: { url, mediaType, name } }] };
      }
      case 'message-metadata':
        return usageOf(chunk);
      case 'finish':
        return { ...usageOf(chunk), end: chunk.finishReason === 'error' ? failed('error') : { ok: true } };
      case 'abort':
        return { end: failed('aborted') };
      case 'error':
        return { end: failed(chunk.errorText) as AgentEnd };
      default:
        return toolChunk(chunk);
    }
  }

  #piece(event: 'text' | 'reasoning', { id, delta }: Fields): HostEvent[] {
    const text = textOf(delta) ?? '';
    const known = this.#texts.get(`${event} ${nameOf(id)}`) ?? `${event}-${nameOf(id)}`;
    return text === '' ? [] : [{ event, data: { id: known, text } }];
  }
}

/** Usage is where hosts put it: in the metadata of the message, on its own or with the end. */
function usageOf({ messageMetadata }: Fields): OwnMapping {
  const usage = numbersIn(fieldsOf(messageMetadata).usage);
  return Object.keys(usage).length === 0 ? {} : { usage: [{ kind: 'model', ...usage }] };
}

function toolChunk(chunk: Fields): OwnMapping {
  const id = wordOf(chunk.toolCallId);
  const news = id === undefined ? undefined : newsOf(chunk);
  return news === undefined
    ? unknownLine(chunk.type)
    : { events: [{ event: 'tool', data: { id, ...news } }] };
}

function newsOf({
  type,
  toolName,
  input,
  inputTextDelta,
  output,
  preliminary,
  errorText,
}: Fields): Fields | undefined {
  switch (type) {
    case 'tool-input-start':
      return { name: wordOf(toolName) ?? '' };
    case 'tool-input-delta':
      return { inputText: textOf(inputTextDelta) ?? '' };
    case 'tool-input-available':
      return { name: wordOf(toolName) ?? '', input: input ?? {} };
    case 'tool-input-error':
      return { name: wordOf(toolName) ?? '', input: input ?? {}, error: textOf(errorText) ?? 'It failed.' };
    case 'tool-output-available':
      return { output: output ?? null, state: preliminary === true ? 'running' : 'done' };
    case 'tool-output-error':
      return { error: textOf(errorText) ?? 'It failed.' };
    case 'tool-output-denied':
      return { error: 'It was denied.' };
    default:
      return undefined;
  }
}
