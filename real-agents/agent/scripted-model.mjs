/**
 * A chat model that says what a script says, so that an agent can be run without a network: for the tests, and for the
 * example until it is given an endpoint. It has no state of its own: which turn it is, it counts from the messages it is
 * given, so that a run rebuilt in another process goes on where the first one stopped.
 */
import { createRequire } from 'node:module';

// The SDK brings a copy of the core of its own; a model made with another copy's classes would be no model to it.
const sdk = createRequire(createRequire(import.meta.url).resolve('@librechat/agents'));
const { BaseChatModel } = sdk('@langchain/core/language_models/chat_models');
const { AIMessageChunk } = sdk('@langchain/core/messages');
const { ChatGenerationChunk } = sdk('@langchain/core/outputs');

/**
 * @typedef {object} Turn what the model says when it is asked once
 * @property {string[]} [reasoning]
 * @property {string[]} [text]
 * @property {{ id: string, name: string, args: object }[]} [tools]
 * @property {boolean} [nameFirst] whether a call comes as OpenAI sends it: its name alone, then its arguments in pieces
 * @property {string} [fails] what it throws after that
 */
export class ScriptedModel extends BaseChatModel {
  /** @param {{ script: Turn[] | ((prompt: string) => Turn[]), delayMs?: number, onTurn?: (messages: object[]) => void }} fields */
  constructor(fields) {
    super(fields);
    this.script = fields.script;
    this.delayMs = fields.delayMs ?? 0;
    this.onTurn = fields.onTurn;
  }

  _llmType() {
    return 'scripted';
  }

  bindTools() {
    return this;
  }

  async _generate(messages, options, runManager) {
    let whole;
    for await (const chunk of this._streamResponseChunks(messages, options, runManager))
      whole = whole === undefined ? chunk : whole.concat(chunk);
    return { generations: [whole] };
  }

  async *_streamResponseChunks(messages, options, runManager) {
    this.onTurn?.(messages);
    const { turn, number } = this.#turnFor(messages);
    const id = `scripted-${number}`;
    for (const fields of chunksOf(turn)) {
      if (this.delayMs > 0) await pause(this.delayMs, options?.signal);
      const text = typeof fields.content === 'string' ? fields.content : '';
      const chunk = new ChatGenerationChunk({
        text,
        message: new AIMessageChunk({ id, content: text, ...fields }),
      });
      yield chunk;
      await runManager?.handleLLMNewToken(text, undefined, undefined, undefined, undefined, { chunk });
    }
    if (turn.fails) throw new Error(turn.fails);
    const usage_metadata = { input_tokens: 10, output_tokens: 5, total_tokens: 15 };
    const finish_reason = turn.tools ? 'tool_calls' : 'stop';
    const last = { id, content: '', usage_metadata, response_metadata: { finish_reason } };
    yield new ChatGenerationChunk({ text: '', message: new AIMessageChunk(last) });
  }

  #turnFor(messages) {
    const asked = messages.findLastIndex((message) => message.getType() === 'human');
    const number = messages.slice(asked + 1).filter((message) => message.getType() === 'ai').length;
    const script = typeof this.script === 'function' ? this.script(textOf(messages[asked])) : this.script;
    return { turn: script[Math.min(number, script.length - 1)] ?? {}, number };
  }
}

function* chunksOf({ reasoning = [], text = [], tools = [], nameFirst = false }) {
  for (const piece of reasoning) yield { content: '', additional_kwargs: { reasoning_content: piece } };
  for (const piece of text) yield { content: piece };
  for (const [index, { id, name, args }] of tools.entries()) {
    const json = JSON.stringify(args);
    const middle = Math.ceil(json.length / 2);
    const pieces = nameFirst
      ? ['', json.slice(0, middle), json.slice(middle)]
      : [json.slice(0, middle), json.slice(middle)];
    for (const [at, piece] of pieces.entries()) {
      const named = at === 0 ? { id, name } : {};
      yield { content: '', tool_call_chunks: [{ ...named, args: piece, index, type: 'tool_call_chunk' }] };
    }
  }
}

function textOf(message) {
  const content = message?.content;
  return typeof content === 'string' ? content : JSON.stringify(content ?? '');
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason ?? new Error('aborted'));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
