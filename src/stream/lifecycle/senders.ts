/**
 * Messages to a generation that works come from anywhere: the store accepts each in one step, without a word to the producer;
 * then its producer is told, wherever it runs, to look at what waits.
 */
import { GenerationJobError, isGenerationJobError } from '../../errors.js';
import type { CommitReply, InboxStep, Refusal, SenderCommit } from '../interfaces/commits.js';
import type {
  ClaimInput,
  EditInput,
  Inbox,
  MessageAccess,
  SendInput,
  SentMessage,
} from '../interfaces/inbox.js';
import type { GenerationAccess } from '../interfaces/manager-types.js';
import type { MessageResult } from '../interfaces/observer.js';
import type { InboxMessage } from '../model/inbox-message.js';
import { checkEnvelope, serialiseMessage } from '../model/messages.js';
import { isStreamId, streamKey } from '../model/stream-key.js';
import type { JobRecord, StreamKey } from '../model/types.js';
import { checkCall } from '../process/call-input.js';
import { publishFrames } from '../process/frames.js';
import { handOutMethods } from '../process/handed-out.js';
import type { Parts } from '../process/parts.js';
import { repeatUntilAnswered } from '../process/repeat.js';
import type { LeaseKeeper } from '../producing/lease-keeper.js';

type Taken = CommitReply & { readonly ok: true };

const NO_ACCESS = {};
const MALFORMED_CLAIM = 'claimId must have 1 to 128 characters of A-Z a-z 0-9 _ . ~ -.';

export class Senders implements Inbox {
  static {
    const awaitedOrNot = ['send', 'edit', 'cancel', 'claim'] as const;
    handOutMethods(Senders.prototype, awaitedOrNot, (senders) => senders.#parts);
  }

  readonly #parts: Parts;
  readonly #leases: Pick<LeaseKeeper, 'find'>;

  constructor(parts: Parts, leases: Pick<LeaseKeeper, 'find'>) {
    this.#parts = parts;
    this.#leases = leases;
  }

  async send(streamId: string, input: SendInput): Promise<SentMessage> {
    checkCall('send', input);
    const { observer } = this.#parts;
    try {
      const sent = await this.#send(streamKey(streamId, input.tenantId), input);
      observer.messageSent(sent.created ? 'accepted' : 'repeated');
      return sent;
    } catch (error) {
      observer.messageSent(resultOf(error));
      throw error;
    }
  }

  async edit(streamId: string, input: EditInput): Promise<void> {
    checkCall('edit', input);
    const message = serialiseMessage(input.message, this.#parts.options.limits);
    await this.#change(streamKey(streamId, input.tenantId), input, {
      name: 'edit',
      messageId: input.messageId,
      message,
    });
  }

  async cancel(streamId: string, input: MessageAccess): Promise<void> {
    checkCall('message', input);
    const step = { name: 'cancel', messageId: input.messageId } as const;
    await this.#change(streamKey(streamId, input.tenantId), input, step);
  }

  async claim(streamId: string, input: ClaimInput = NO_ACCESS): Promise<readonly InboxMessage[]> {
    checkCall('claim', input);
    const { claimId: callId = this.#parts.entropy.id(), ...access } = input;
    if (!isStreamId(callId)) throw new GenerationJobError('invalid_argument', MALFORMED_CLAIM);
    const key = streamKey(streamId, access.tenantId);
    const reply = await this.#commit(key, access, { name: 'claim', callId });
    if (!reply.ok && reply.refusal === 'running') return [];
    if (!reply.ok) throw this.#refusalError(reply.refusal);
    publishFrames(this.#parts, reply.frames);
    return reply.claimed ?? [];
  }

  async #send(key: StreamKey, input: SendInput): Promise<SentMessage> {
    const { options, entropy } = this.#parts;
    const { inboxMessages: waiting, generationMessages: accepted } = options.limits;
    const { kind = 'steer', by, idempotencyKey } = input;
    checkEnvelope(kind, by, idempotencyKey);
    const message = serialiseMessage(input.message, options.limits);
    const reply = await this.#change(key, input, {
      ...{ name: 'send', messageId: entropy.id(), kind, by, message, idempotencyKey },
      bounds: { waiting, accepted },
    });
    const { generation, inbox } = reply.record as JobRecord;
    const { messageId, isNew } = reply.sent ?? { messageId: '', isNew: false };
    const at = inbox.findIndex((one) => one.messageId === messageId);
    return { messageId, generation, ...(at >= 0 && { position: at + 1 }), created: isNew };
  }

  /** Makes a change of what waits, and tells those who look at it. @throws GenerationJobError what `send` and `edit` throw */
  async #change(key: StreamKey, access: GenerationAccess, step: InboxStep): Promise<Taken> {
    const reply = await this.#commit(key, access, step);
    if (!reply.ok) throw this.#refusalError(reply.refusal);
    publishFrames(this.#parts, reply.frames);
    if (reply.record) this.#tellProducer(key, reply.record, step.name === 'send');
    return reply;
  }

  #commit(key: StreamKey, access: GenerationAccess, step: InboxStep): Promise<CommitReply> {
    const { store, clock, options } = this.#parts;
    const { generation, userId: ownedBy } = access;
    let isRepeat = false;
    const call = () => {
      const commit: SenderCommit = { writer: 'sender', key, generation, ownedBy, isRepeat, step };
      isRepeat = true;
      return store.commit(commit);
    };
    // As long as a producer's commit is made again: nobody else waits for this one.
    return repeatUntilAnswered(this.#parts, call, clock.monotonic() + options.leaseMs);
  }

  /** A producer elsewhere asks its store, as for any signal; nothing rests on it, since its renewals say the same. */
  #tellProducer(key: StreamKey, { generation, status, inbox }: JobRecord, isNew: boolean): void {
    const local = this.#leases.find(key, generation);
    if (local) local.inbox.heard(inbox.length);
    else if (isNew && status === 'running') this.#parts.transport.signal({ key, generation });
  }

  #refusalError(refusal: Refusal): GenerationJobError {
    const { inboxMessages, generationMessages } = this.#parts.options.limits;
    switch (refusal) {
      case 'ended':
      case 'replaced':
        return new GenerationJobError('generation_ended', 'The generation is over.');
      case 'full': {
        const bounds = `limits.inboxMessages (${inboxMessages}) wait, or limits.generationMessages (${generationMessages}) were sent`;
        return new GenerationJobError('inbox_full', `The inbox takes no more: ${bounds}.`);
      }
      case 'message':
        return new GenerationJobError('message_taken', 'No such message waits.');
      default:
        return new GenerationJobError('stream_not_found', 'There is no such stream or generation.');
    }
  }
}

function resultOf(error: unknown): MessageResult {
  if (isGenerationJobError(error, 'stream_not_found')) return 'not_found';
  if (isGenerationJobError(error, 'generation_ended')) return 'ended';
  if (isGenerationJobError(error, 'inbox_full')) return 'full';
  return isGenerationJobError(error, 'message_too_large') ? 'too_large' : 'failed';
}
