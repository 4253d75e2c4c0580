/**
 * Codex (`codex exec --json`): items that are told as they begin, change and are complete, each time whole. A question
 * (`request_user_input`) is not of every release.
 */
import { codexItem } from './codex-items.js';
import { codexQuestion } from './codex-questions.js';
import { type Fields, failed, fieldsOf, numbersIn, textOf, unknownLine, wordOf } from './line-fields.js';
import { type AgentEnd, defineMapper, type OwnMapping, type OwnReader } from './mapper.js';
import { ToldTexts } from './told-texts.js';

export const codex = defineMapper({ name: 'codex', start: () => new CodexLines() });

class CodexLines implements OwnReader {
  readonly #told = new ToldTexts();
  readonly #asked = new Set<string>();
  /** An error told in passing: it may be mended by another try, or be why there is no last line. */
  #failure: AgentEnd | undefined;

  read(line: Fields): OwnMapping {
    switch (line.type) {
      case 'thread.started': {
        const session = wordOf(line.thread_id);
        return session === undefined ? {} : { session };
      }
      case 'turn.started':
        return { status: 'preparing' };
      case 'item.started':
      case 'item.updated':
      case 'item.completed':
        return this.#item(fieldsOf(line.item), line.type === 'item.completed');
      case 'item.plan.delta': {
        const [id, text] = [wordOf(line.item_id) ?? 'plan', textOf(line.delta) ?? ''];
        return { events: this.#told.piece('text', id, text) };
      }
      case 'request_user_input':
        return this.#question(line);
      case 'turn.completed':
        return { usage: [{ kind: 'model', ...numbersIn(line.usage) }], end: { ok: true } };
      case 'turn.failed':
        return { end: failed(line.error) };
      case 'error':
        this.#failure = failed(line.message);
        return {};
      default:
        return unknownLine(line.type);
    }
  }

  endAtExit(): AgentEnd | undefined {
    return this.#failure;
  }

  #item(item: Fields, isComplete: boolean): OwnMapping {
    return item.type === 'request_user_input'
      ? this.#question(item)
      : codexItem(item, isComplete, this.#told);
  }

  /** A question is told once, however often its item is. */
  #question(asked: Fields): OwnMapping {
    const question = codexQuestion(asked);
    if (question === undefined) return unknownLine('request_user_input without questions');
    if (this.#asked.has(question.id)) return {};
    this.#asked.add(question.id);
    return { question };
  }
}
