/**
 * The blocks of Claude Code's messages. A block that is streamed is known by its message and its index; when it comes whole,
 * without an index, it is the first streamed one of its message and type that has not come whole before.
 */
import type { HostEvent } from '../../stream/model/host-types.js';
import {
  contentOf,
  errorText,
  type Fields,
  fieldsOf,
  nameOf,
  objectsIn,
  textOf,
  wordOf,
} from './line-fields.js';
import { placed, ToldTexts } from './told-texts.js';

type TextType = 'text' | 'reasoning';

interface Message {
  readonly id: string;
  /** The texts in the order they began: streamed ones by index, whole ones as they come. */
  readonly texts: { readonly type: TextType; readonly id: string; isWhole: boolean }[];
  /** The calls that are streamed, by index. */
  readonly calls: Map<number, string>;
}

/** Messages that may still be spoken of: more than there are agents at work at once. */
const MOST_MESSAGES = 64;
/** Lines that may still be replaced by later ones. */
const MOST_LINES = 1_024;
/** Blocks of a message that may still come whole: more than a message has, and few enough to look through. */
const MOST_BLOCKS = 256;

export class ClaudeBlocks {
  readonly #told = new ToldTexts();
  readonly #messages = new Map<string, Message>();
  /** The message that is streamed, by the call whose sub-agent says it. */
  readonly #streamed = new Map<string | undefined, Message>();
  /** The ids of what each line has told, for a later line that replaces it. */
  readonly #ofLine = new Map<string, readonly string[]>();
  #unnamed = 0;
  #wholes = 0;
  /** Says whether the main agent has said a text since the last result. */
  hasTextSinceTurn = false;

  endTurn(): void {
    this.hasTextSinceTurn = false;
  }

  /** Tells a raw event of a message that is being written. */
  streamed(line: Fields): HostEvent[] {
    const parent = wordOf(line.parent_tool_use_id);
    const event = fieldsOf(line.event);
    if (event.type === 'message_start') {
      const id = wordOf(fieldsOf(event.message).id) ?? this.#newName();
      setBounded(this.#streamed, parent, this.#message(id), MOST_MESSAGES);
      return [];
    }
    const message = this.#streamed.get(parent);
    const index = typeof event.index === 'number' ? event.index : undefined;
    if (message === undefined || index === undefined) return [];
    if (event.type === 'content_block_start')
      return this.#begin(message, index, fieldsOf(event.content_block), parent);
    return event.type === 'content_block_delta'
      ? this.#delta(message, index, fieldsOf(event.delta), parent)
      : [];
  }

  /** Tells the blocks of a message that come whole, as far as they are news. */
  assistant(line: Fields): HostEvent[] {
    const parent = wordOf(line.parent_tool_use_id);
    const uuid = wordOf(line.uuid);
    const given = fieldsOf(line.message);
    const message = this.#message(wordOf(given.id) ?? uuid ?? this.#newName());
    const ids: string[] = [];
    const events = objectsIn(given.content).flatMap((block) => this.#whole(message, block, parent, ids));
    if (uuid !== undefined) setBounded(this.#ofLine, uuid, ids, MOST_LINES);
    const replaced = Array.isArray(line.supersedes) ? line.supersedes : [];
    const gone = replaced.flatMap((one: unknown) => this.#ofLine.get(nameOf(one)) ?? []);
    const withdrawn = gone.filter((id) => !ids.includes(id));
    return withdrawn.length === 0 ? events : [{ event: 'withdrawn', data: { ids: withdrawn } }, ...events];
  }

  /** Tells the results of calls, which come as a user's message. */
  results(line: Fields): HostEvent[] {
    return objectsIn(fieldsOf(line.message).content).flatMap(resultOf);
  }

  #begin(message: Message, index: number, block: Fields, parent: string | undefined): HostEvent[] {
    const type = textTypeOf(block.type);
    if (type !== undefined) {
      const id = `${message.id}/${index}`;
      addBlock(message, { type, id, isWhole: false });
      return this.#say(type, id, textOf(block[fieldOf(type)]) ?? '', parent);
    }
    const [id, name] = [wordOf(block.id), wordOf(block.name)];
    if (id === undefined || name === undefined) return [];
    message.calls.set(index, id);
    return [{ event: 'tool', data: { id, name, ...placed(parent) } }];
  }

  #delta(message: Message, index: number, delta: Fields, parent: string | undefined): HostEvent[] {
    const id = `${message.id}/${index}`;
    switch (delta.type) {
      case 'text_delta':
        return this.#say('text', id, textOf(delta.text) ?? '', parent);
      case 'thinking_delta':
        return this.#say('reasoning', id, textOf(delta.thinking) ?? '', parent);
      case 'input_json_delta': {
        const [call, inputText] = [message.calls.get(index), textOf(delta.partial_json) ?? ''];
        return call === undefined || inputText === ''
          ? []
          : [{ event: 'tool', data: { id: call, inputText } }];
      }
      default:
        return [];
    }
  }

  #whole(message: Message, block: Fields, parent: string | undefined, ids: string[]): HostEvent[] {
    const type = textTypeOf(block.type);
    if (type !== undefined) {
      const text = textOf(block[fieldOf(type)]) ?? '';
      const id = this.#idOfWhole(message, type, text);
      ids.push(id);
      if (type === 'text' && parent === undefined && text !== '') this.hasTextSinceTurn = true;
      return this.#told.whole(type, id, text, parent);
    }
    const result = resultOf(block);
    if (result.length > 0) return result;
    const [id, name] = [wordOf(block.id), wordOf(block.name)];
    if (id === undefined || name === undefined) return [];
    ids.push(id);
    return [{ event: 'tool', data: { id, name, input: block.input ?? {}, ...placed(parent) } }];
  }

  #idOfWhole(message: Message, type: TextType, text: string): string {
    const open = message.texts.find((one) => one.type === type && !one.isWhole);
    if (open !== undefined) {
      open.isWhole = true;
      return open.id;
    }
    const same = message.texts.find((one) => one.type === type && this.#told.get(type, one.id) === text);
    if (same !== undefined) return same.id;
    this.#wholes++;
    const id = `${message.id}/w${this.#wholes}`;
    addBlock(message, { type, id, isWhole: true });
    return id;
  }

  #say(type: TextType, id: string, text: string, parent: string | undefined): HostEvent[] {
    if (type === 'text' && parent === undefined && text !== '') this.hasTextSinceTurn = true;
    return this.#told.piece(type, id, text, parent);
  }

  #message(id: string): Message {
    const known = this.#messages.get(id) ?? { id, texts: [], calls: new Map() };
    setBounded(this.#messages, id, known, MOST_MESSAGES);
    return known;
  }

  #newName(): string {
    this.#unnamed++;
    return `message-${this.#unnamed}`;
  }
}

function addBlock({ texts }: Message, block: Message['texts'][number]): void {
  texts.push(block);
  if (texts.length > MOST_BLOCKS) texts.shift();
}

/** A result of a call, whoever ran it; of other blocks nothing. */
function resultOf(block: Fields): HostEvent[] {
  const id = wordOf(block.tool_use_id);
  if (id === undefined || !nameOf(block.type).endsWith('tool_result')) return [];
  const outcome =
    block.is_error === true
      ? { error: errorText(block.content) }
      : { output: contentOf(block.content ?? null) };
  return [{ event: 'tool', data: { id, ...outcome } }];
}

function textTypeOf(type: unknown): TextType | undefined {
  return type === 'text' ? 'text' : type === 'thinking' ? 'reasoning' : undefined;
}

function fieldOf(type: TextType): string {
  return type === 'text' ? 'text' : 'thinking';
}

/** Sets the newest entry, and forgets the oldest beyond a bound. */
function setBounded<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
