/** The list of a tenant's conversations, in a file of its own, so that a page of them costs one read. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MIB } from '../../clock.js';
import { isObject } from '../../stream/model/plain-values.js';
import { existing } from '../../transcripts/durable-files.js';
import { MessageLines } from './message-lines.js';
import { INDEX_NAME } from './message-places.js';
import type { ConversationEntry, StoredMessage } from './message-types.js';
import { changeFile, readWhole } from './replaced-file.js';

const LONGEST_TITLE = 80;
/** The newest conversations are listed: the list is written with each of their messages, so it must not grow for ever. */
const MOST_LISTED = 10_000;
/** More than so many entries take. */
const INDEX_BYTES = 64 * MIB;

type Entries = Record<string, ConversationEntry>;

export class ConversationIndex {
  readonly #folder: string;
  readonly #fileBytes: number;

  constructor(folder: string, fileBytes: number) {
    this.#folder = folder;
    this.#fileBytes = fileBytes;
  }

  async list(): Promise<readonly ConversationEntry[]> {
    const text = await readWhole(this.#path, INDEX_BYTES);
    const entries = Object.values(entriesIn(text) ?? (await this.#entriesOfFiles()));
    return entries.sort((one, other) => other.updatedAt - one.updatedAt);
  }

  async set(entry: ConversationEntry): Promise<void> {
    await this.#change((entries) => ({ ...entries, [entry.file]: entry }));
  }

  async remove(file: string): Promise<void> {
    await this.#change(({ [file]: _, ...entries }) => entries);
  }

  async #change(change: (entries: Entries) => Entries): Promise<void> {
    await changeFile(this.#path, INDEX_BYTES, async (text) => {
      const entries = entriesIn(text) ?? (await this.#entriesOfFiles());
      return `${JSON.stringify({ conversations: newestOf(change(entries)) })}\n`;
    });
  }

  get #path(): string {
    return join(this.#folder, INDEX_NAME);
  }

  /** An index that is lost or damaged is made again; who owns a conversation stands in its messages. */
  async #entriesOfFiles(): Promise<Entries> {
    const names = (await existing(readdir(this.#folder))) ?? [];
    const entries: Entries = {};
    for (const file of names.filter((name) => name.endsWith('.jsonl'))) {
      const messages = await this.#messagesOf(file);
      const newest = messages.at(-1);
      if (newest === undefined) continue;
      const named = { conversationId: newest.conversationId, userId: newest.userId };
      entries[file] = entryOf(messages, { ...named, file });
    }
    return entries;
  }

  async #messagesOf(file: string): Promise<readonly StoredMessage[]> {
    try {
      return new MessageLines(await readWhole(join(this.#folder, file), this.#fileBytes)).messages;
    } catch {
      return []; // one that is too large or can't be read is not listed, and costs the others nothing; reading it tells why
    }
  }
}

/** Describes a conversation by its messages. */
export function entryOf(
  messages: readonly StoredMessage[],
  named: Pick<ConversationEntry, 'conversationId' | 'userId' | 'file'> & {
    readonly title?: string | undefined;
  },
): ConversationEntry {
  const asked = messages.find(({ role }) => role === 'user')?.content ?? '';
  const { title = asked, ...rest } = named;
  return {
    ...{ ...rest, title: titleIn(title), messages: messages.length },
    createdAt: messages[0]?.createdAt ?? 0,
    updatedAt: Math.max(0, ...messages.map(({ updatedAt }) => updatedAt)),
    isStreaming: messages.some(({ _streaming }) => _streaming === true),
  };
}

function titleIn(text: string): string {
  const line = text.trim().split('\n', 1)[0] ?? '';
  const cut = line.slice(0, LONGEST_TITLE);
  return cut.isWellFormed() ? cut : cut.slice(0, -1);
}

function newestOf(entries: Entries): Entries {
  const listed = Object.entries(entries);
  if (listed.length <= MOST_LISTED) return entries;
  const newest = listed.sort(([, one], [, other]) => other.updatedAt - one.updatedAt).slice(0, MOST_LISTED);
  return Object.fromEntries(newest);
}

const WORDS = ['conversationId', 'file', 'userId', 'title'];
const NUMBERS = ['messages', 'createdAt', 'updatedAt'];

function isEntry(value: unknown): boolean {
  if (!isObject(value)) return false;
  const areWords = WORDS.every((name) => typeof value[name] === 'string');
  return areWords && NUMBERS.every((name) => typeof value[name] === 'number');
}

/** Returns the entries of an index; undefined when it is not there or damaged. */
function entriesIn(text: string): Entries | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const conversations = isObject(value) ? value.conversations : undefined;
    const isWhole = isObject(conversations) && Object.values(conversations).every(isEntry);
    return isWhole ? (conversations as unknown as Entries) : undefined;
  } catch {
    return undefined; // made again from the files
  }
}
