/** opencode (`run --format json`): whole parts, each when it is finished; tools when they are done. */
import {
  contentOf,
  errorText,
  type Fields,
  failed,
  fieldsOf,
  numbersIn,
  textOf,
  unknownLine,
  wordOf,
} from './line-fields.js';
import { type AgentEnd, defineMapper, type OwnMapping, type OwnReader } from './mapper.js';
import { ToldTexts } from './told-texts.js';

export const opencode = defineMapper({ name: 'opencode', start: () => new OpencodeLines() });

class OpencodeLines implements OwnReader {
  readonly #texts = new ToldTexts();
  #session: string | undefined;
  /** Releases without a last line are done once a step has finished that asks for no tool. */
  #isFinished = false;

  read(line: Fields): OwnMapping {
    const session = wordOf(line.sessionID);
    const isNew = session !== undefined && session !== this.#session;
    this.#session = session ?? this.#session;
    return { ...(isNew && { session }), ...this.#mapped(line) };
  }

  endAtExit(): AgentEnd | undefined {
    return this.#isFinished ? { ok: true } : undefined;
  }

  #mapped(line: Fields): OwnMapping {
    const part = fieldsOf(line.part);
    switch (line.type) {
      case 'step_start':
        this.#isFinished = false;
        return { status: 'preparing' };
      case 'text':
      case 'reasoning': {
        const [id, text] = [wordOf(part.id), textOf(part.text)];
        if (id === undefined || text === undefined) return unknownLine(`${line.type} without text`);
        return { events: this.#texts.whole(line.type, id, text) };
      }
      case 'tool_use':
        return toolOf(part);
      case 'step_finish':
        this.#isFinished = part.reason !== 'tool-calls';
        return { status: null, usage: usageOf(part) };
      case 'error':
        return { end: failed(fieldsOf(fieldsOf(line.error).data).message ?? line.error) };
      case 'done':
        return { end: { ok: true } };
      default:
        return unknownLine(line.type);
    }
  }
}

function toolOf({ callID, tool, state }: Fields): OwnMapping {
  const id = wordOf(callID);
  if (id === undefined) return unknownLine('tool without an id');
  const { status, input, output, error } = fieldsOf(state);
  const outcome = status === 'error' ? { error: errorText(error) } : { output: contentOf(output ?? null) };
  return {
    events: [{ event: 'tool', data: { id, name: wordOf(tool) ?? '', input: input ?? {}, ...outcome } }],
  };
}

function usageOf({ tokens, cost }: Fields) {
  const numbers = { ...numbersIn(tokens), ...(typeof cost === 'number' && { cost_usd: cost }) };
  return Object.keys(numbers).length === 0 ? [] : [{ kind: 'model', ...numbers }];
}
