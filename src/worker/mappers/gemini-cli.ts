/** Gemini CLI (`--output-format stream-json`): deltas of the answer, no reasoning, tools by id. */
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

export const geminiCli = defineMapper({ name: 'gemini-cli', start: () => new GeminiLines() });

class GeminiLines implements OwnReader {
  readonly #texts = new ToldTexts();
  /** Messages have no ids: one goes on until a tool is used, or a whole one comes that is another. */
  #message = 1;
  #failure: AgentEnd | undefined;

  read(line: Fields): OwnMapping {
    switch (line.type) {
      case 'init': {
        const session = wordOf(line.session_id);
        return { status: 'preparing', ...(session !== undefined && { session }) };
      }
      case 'message':
        return line.role === 'assistant' || line.role === 'model' ? this.#text(line) : {};
      case 'tool_use':
        this.#message++;
        return toolOf(line.tool_id, { name: wordOf(line.tool_name) ?? '', input: line.parameters ?? {} });
      case 'tool_result': {
        const isError = line.status === 'error';
        const outcome = isError
          ? { error: errorText(line.error ?? line.output) }
          : { output: contentOf(line.output ?? null) };
        return toolOf(line.tool_id, outcome);
      }
      case 'error':
        if (line.severity !== 'warning') this.#failure = failed(line.message);
        return line.severity === 'warning' ? unknownLine('warning') : {};
      case 'result': {
        const usage = numbersIn(line.stats);
        const failure =
          line.error === undefined ? (this.#failure ?? failed(line.status)) : failed(line.error);
        const end: AgentEnd = line.status === 'success' ? { ok: true } : failure;
        return { end, ...(Object.keys(usage).length > 0 && { usage: [{ kind: 'model', ...usage }] }) };
      }
      default:
        return unknownLine(line.type);
    }
  }

  endAtExit(): AgentEnd | undefined {
    return this.#failure;
  }

  #text({ content, delta }: Fields): OwnMapping {
    const text = textOf(content);
    if (text === undefined) return unknownLine('message without text');
    if (delta === true) return { events: this.#texts.piece('text', this.#id, text) };
    const told = this.#texts.get('text', this.#id);
    if (told !== undefined && !text.startsWith(told)) this.#message++;
    const events = this.#texts.whole('text', this.#id, text);
    this.#message++;
    return { events };
  }

  get #id(): string {
    return `message-${this.#message}`;
  }
}

function toolOf(id: unknown, news: Fields): OwnMapping {
  const known = wordOf(id);
  if (known === undefined) return unknownLine('tool without an id');
  return { events: [{ event: 'tool', data: { id: known, ...fieldsOf(news) } }] };
}
