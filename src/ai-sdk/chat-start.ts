/**
 * A POST that asks for an answer starts one, once. A message has an id of its own, so a new one is remembered by it, as long as
 * idempotency keys are. A message that is edited, or answered anew, is posted again on purpose: the same POST joins the answer
 * it has begun while that is being made, and begins another one after that.
 */
import { ConflictError, GenerationJobError, isGenerationJobError } from '../errors.js';
import type { Caller } from '../http/caller.js';
import type { CreateJobInput, CreateJobResult } from '../stream/interfaces/create-job.js';
import type { GenerationJobManager } from '../stream/interfaces/generation-job-manager.js';
import { fingerprintOf } from '../stream/model/fingerprint.js';
import { isActive } from '../stream/model/transitions.js';
import { type ChatPost, messageToGoOnWith } from './chat-body.js';
import type { ChatOptions, ChatRequest } from './chat-options.js';
import { CHAT_KEY, keptFactsOf } from './chat-record.js';

/** The content model of a chat's answers. */
export const CHAT_MODEL = 'ui-message';

/** Others may post as often in between before a POST gives up. */
const MOST_CONFLICTS = 10;

export interface ChatStart {
  readonly streamId: string;
  readonly caller: Caller;
  readonly post: ChatPost;
  readonly asked: ChatRequest;
  readonly options: Pick<ChatOptions, 'onConflict' | 'waitFor' | 'generateMessageId' | 'metadata'>;
}

/**
 * Creates the job that answers a POST, or finds the one that does.
 * @throws what `createJob` throws; ConflictError with `onConflict: 'reject'`
 */
export async function startChat(manager: GenerationJobManager, start: ChatStart): Promise<CreateJobResult> {
  const { streamId, caller, post, asked, options } = start;
  const goesOnWith = messageToGoOnWith(post);
  const messageId = goesOnWith?.id ?? options.generateMessageId?.() ?? crypto.randomUUID();
  const digest = digestOf(post);
  const { id, trigger } = post;
  const input: CreateJobInput = {
    ...caller,
    streamId,
    conversationId: id,
    contentModel: CHAT_MODEL,
    merge: true,
    onConflict: options.onConflict,
    ...(options.waitFor !== 'nothing' && { waitFor: options.waitFor }),
    metadata: { ...options.metadata?.(asked), [CHAT_KEY]: { id, messageId, trigger, digest } },
    created: { chatId: id, messageId, ...(goesOnWith && { parts: goesOnWith.parts }) },
  };
  if (isNew(post)) return manager.createJob({ ...input, idempotencyKey: `chat ${streamId} ${digest}` });
  return createOrJoin(manager, input, digest);
}

/** Says whether the POST's message can be posted but once: it is no edit, and no wish for another answer. */
function isNew(post: ChatPost): boolean {
  const isEdit = post.messageId !== undefined && messageToGoOnWith(post) === undefined;
  return post.trigger === 'submit-message' && !isEdit;
}

/** Returns what is the same of a POST that comes again. */
function digestOf(post: ChatPost): string {
  const { id, trigger, messageId, messages } = post;
  return fingerprintOf([id, trigger, messageId, messageToGoOnWith(post) ?? messages.at(-1)]);
}

async function createOrJoin(
  manager: GenerationJobManager,
  input: CreateJobInput,
  digest: string,
): Promise<CreateJobResult> {
  const { streamId, userId, tenantId, onConflict } = input;
  for (let conflicts = 0; conflicts < MOST_CONFLICTS; conflicts++) {
    const current = await manager.getJob(streamId, { userId, tenantId });
    const isAnswered = current !== null && isActive(current.status);
    if (isAnswered && keptFactsOf(current)?.digest === digest) return { started: false, record: current };
    if (isAnswered && onConflict === 'reject') throw new ConflictError(streamId, current.generation);
    const expects = current && { generation: current.generation };
    try {
      return await manager.createJob({ ...input, expects });
    } catch (error) {
      if (!isGenerationJobError(error, 'conflict')) throw error; // somebody has posted in between
    }
  }
  throw new GenerationJobError('unavailable', 'Other messages kept getting in between.');
}
