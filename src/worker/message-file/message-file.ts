/**
 * Messages of jobs, in a file for each conversation: a JSON object a line, replaced as a whole. What grows is written at most
 * every `writeMs`, and once more at its end; a late write of something older, also by another process, changes nothing.
 */
import { mkdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { KIB, MIB, MINUTE, SECOND, systemClock } from '../../clock.js';
import type { Hooks, ProgressInput } from '../../stream/interfaces/manager-types.js';
import { callable, durationMs } from '../../stream/model/host-values.js';
import { parseStrictly } from '../../stream/model/strict.js';
import type { JobRecord } from '../../stream/model/types.js';
import { handOut, NO_MANAGER } from '../../stream/process/handed-out.js';
import { boundHooks } from '../../stream/process/host-input.js';
import { existing, syncFolder } from '../../transcripts/durable-files.js';
import { ConversationIndex, entryOf } from './conversation-index.js';
import { MessageLines } from './message-lines.js';
import { fileNameOf, folderOf } from './message-places.js';
import type { ConversationPlace, MessageFile, MessageFileOptions, StoredMessage } from './message-types.js';
import {
  type Answer,
  conversationOf,
  finalAnswer,
  growingAnswer,
  putAnswer,
  userMessageOf,
} from './messages-of.js';
import { changeFile, inOrder, readWhole } from './replaced-file.js';

const placeSchema = z.strictObject({ conversationId: z.string().min(1), tenantId: z.string().optional() });
const tenantSchema = placeSchema.pick({ tenantId: true });

const optionsSchema = z.strictObject({
  folder: z.string().min(1),
  userMessage: callable,
  writeMs: durationMs
    .min(100)
    .max(10 * MINUTE)
    .default(2 * SECOND),
  fileBytes: z
    .number()
    .int()
    .min(64 * KIB)
    .max(512 * MIB)
    .default(64 * MIB),
} satisfies Record<keyof MessageFileOptions, z.ZodType>);

/** Messages whose last write is remembered: more than a process has jobs. */
const MOST_WRITTEN = 10_000;

/**
 * Keeps conversations in files, of which each is always whole: for hosts of one machine, and for looking at what agents did. It
 * takes the content of `messageContent()`. Several processes of a machine may write to one folder.
 *
 * @throws GenerationJobError `invalid_options` naming each key and value that is not known
 * @example
 * const messages = createMessageFile({ folder: '/var/lib/chat' });
 * const manager = new GenerationJobManager({ ...createStreamServices(), hooks: messages.saving() });
 */
export function createMessageFile(options: MessageFileOptions): MessageFile {
  const { folder, writeMs, fileBytes } = parseStrictly('invalid_options', optionsSchema, options, 'options');
  const files = new ConversationFiles({ folder, writeMs, fileBytes, userMessage: options.userMessage });
  return {
    saving: (hooks = {}) => files.saving(hooks),
    read: (place) => handOut(NO_MANAGER, 'read', () => files.read(place)),
    list: (place = {}) => handOut(NO_MANAGER, 'list', () => files.list(place)),
    remove: (place) => handOut(NO_MANAGER, 'remove', () => files.remove(place)),
  };
}

interface Written {
  readonly at: number;
  readonly sequence: number;
  /** A final message is written: what grew comes late. */
  readonly isFinal?: true;
}

class ConversationFiles {
  readonly #options: MessageFileOptions & { readonly writeMs: number; readonly fileBytes: number };
  /** The last write of each message that grows, on the monotonic clock. */
  readonly #written = new Map<string, Written>();

  constructor(options: MessageFileOptions & { readonly writeMs: number; readonly fileBytes: number }) {
    this.#options = options;
  }

  saving(hooks: Hooks): Hooks {
    return {
      ...boundHooks(hooks),
      onProgress: async (progress) => {
        await this.#grow(progress);
        await hooks.onProgress?.(progress);
      },
      settle: async (ended) => {
        const { record, content, isEmpty } = ended;
        this.#note(record, { at: systemClock.monotonic(), sequence: record.lastSequence, isFinal: true });
        await this.#write(record, content, finalAnswer(record, content, isEmpty));
        await hooks.settle?.(ended);
      },
    };
  }

  async read(place: ConversationPlace) {
    const { conversationId, tenantId } = parseStrictly('invalid_argument', placeSchema, place, 'place');
    const path = join(folderOf(this.#options.folder, tenantId), fileNameOf({ conversationId }));
    const { messages, damaged } = new MessageLines(await readWhole(path, this.#options.fileBytes));
    return { messages, damaged };
  }

  async list(place: Pick<ConversationPlace, 'tenantId'>) {
    const { tenantId } = parseStrictly('invalid_argument', tenantSchema, place, 'place');
    return this.#index(folderOf(this.#options.folder, tenantId)).list();
  }

  async remove(place: ConversationPlace): Promise<boolean> {
    const { conversationId, tenantId } = parseStrictly('invalid_argument', placeSchema, place, 'place');
    const folder = folderOf(this.#options.folder, tenantId);
    const file = fileNameOf({ conversationId });
    let wasThere = false;
    if ((await existing(stat(folder))) === undefined) return false;
    // In turn, so that a write under way does not bring it back. However large or damaged it is, it can be removed.
    const remove = async () => {
      wasThere = (await existing(unlink(join(folder, file)).then(() => true))) ?? false;
      await syncFolder(folder);
      await this.#index(folder).remove(file);
    };
    await inOrder(join(folder, file), remove);
    return wasThere;
  }

  async #grow({ record, content, sequence }: ProgressInput): Promise<void> {
    const before = this.#written.get(keyOf(record));
    if (before?.isFinal) return;
    const isDue = before === undefined || systemClock.monotonic() - before.at >= this.#options.writeMs;
    // A pause may last for days: what it has come to is written whenever that was.
    const isPause = record.status === 'requires_action' && before?.sequence !== sequence;
    if (!isDue && !isPause) return;
    this.#note(record, { at: systemClock.monotonic(), sequence });
    await this.#write(record, content, growingAnswer(record, content, sequence));
  }

  #note(record: JobRecord, written: Written): void {
    const key = keyOf(record);
    this.#written.delete(key);
    this.#written.set(key, written);
    for (const oldest of this.#written.keys()) {
      if (this.#written.size <= MOST_WRITTEN) break;
      this.#written.delete(oldest);
    }
  }

  /** Writes a generation's messages: the user's once, the assistant's unless a newer one is there. */
  async #write(record: JobRecord, content: unknown, answer: Answer): Promise<void> {
    const folder = folderOf(this.#options.folder, record.tenantId);
    const file = fileNameOf({ conversationId: conversationOf(record) });
    const asked = userMessageOf(record, content, this.#options.userMessage);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    let messages: readonly StoredMessage[] = [];
    let isListed = false;
    const change = (text: string) => {
      const lines = new MessageLines(text);
      const count = lines.messages.length;
      // Its answer has become final while this waited for its turn, perhaps as none.
      if (!answer.isFinal && this.#written.get(keyOf(record))?.isFinal) {
        isListed = true;
        return undefined;
      }
      if (asked !== undefined && lines.find(asked.id) === undefined) lines.upsert(asked);
      putAnswer(lines, answer);
      messages = lines.messages;
      // What grows changes nothing of what is listed.
      isListed = count === messages.length && (!answer.isFinal || count === 0);
      return lines.text === text ? undefined : lines.text;
    };
    const list = async () => {
      if (isListed) return;
      if (messages.length === 0) return this.#index(folder).remove(file);
      const { title } = record.metadata as { readonly title?: unknown };
      const titled = typeof title === 'string' && title.trim() !== '' ? { title } : {};
      const named = { conversationId: conversationOf(record), userId: record.userId, file };
      await this.#index(folder).set(entryOf(messages, { ...named, ...titled }));
    };
    // The list follows before anybody else writes the conversation, or it might say what was before.
    await changeFile(join(folder, file), this.#options.fileBytes, change, list);
  }

  #index(folder: string): ConversationIndex {
    return new ConversationIndex(folder, this.#options.fileBytes);
  }
}

function keyOf({ tenantId, streamId, generation }: JobRecord): string {
  return JSON.stringify([tenantId, streamId, generation]);
}
