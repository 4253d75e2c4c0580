/**
 * The host's producer answers with a stream of UI message chunks, and the job gets them as events. A stream that ends with
 * approvals asked for (a tool with `needsApproval`) pauses the job: the calls become the requests of one action, under our
 * approval ids, so that they are decided here, once, and survive as long as a pause does.
 */
import { GenerationJobError } from '../errors.js';
import type { Continuation } from '../stream/interfaces/continuation.js';
import type { GenerationJob } from '../stream/interfaces/generation-job.js';
import type { PipeItems } from '../stream/interfaces/pipe.js';
import type { HostTypes, Untyped } from '../stream/model/host-types.js';
import { isObject } from '../stream/model/plain-values.js';
import type { ChatMessage } from './chat-messages.js';
import type { OnChatResume } from './chat-options.js';
import { fromUIMessageStream } from './from-ui-message-stream.js';
import type { UIChunk } from './ui-chunk.js';

/**
 * Makes the hook `recover` of a host's `onResume`: an answer whose producer was lost is gone on with by the same code as after
 * a decision, in whatever process takes it over. The continuation says where it stands: with `action` and `resolution` after a
 * decision; without, the answer begins again (or goes on from `content`, with `recoverMode: 'continue'`).
 * @example
 * const manager = new GenerationJobManager({ ...services, contentModels: [uiMessageContent()], hooks: { recover: resumeChat(onResume) } });
 * app.use('/api/chat', createChatRouter(manager, { authorize, onMessage, onResume }));
 */
export function resumeChat<Types extends HostTypes = Untyped, Message = ChatMessage, HostRequest = unknown>(
  onResume: OnChatResume<Message, HostRequest, Types>,
): (job: GenerationJob<Types>, continuation: Continuation<Types>) => Promise<void> {
  return (job, continuation) => produce(job as unknown as GenerationJob, () => onResume(job, continuation));
}

/**
 * Runs the host's code and pipes what it answers; pauses the job when that has asked for approvals.
 * @throws GenerationJobError `invalid_argument` for an answer that is no stream · what the host's code or its stream throws
 */
export async function produce(job: GenerationJob, answer: () => unknown): Promise<void> {
  const answered = await answer();
  const stream = hasUIStream(answered) ? answered.toUIMessageStream() : answered;
  if (stream === undefined || stream === null) return;
  if (!isStream(stream)) {
    const message =
      'onMessage and onResume must return a UI message stream, what has toUIMessageStream, or nothing.';
    throw new GenerationJobError('invalid_argument', message);
  }
  const approvals = new StreamApprovals();
  await job.pipe(fromUIMessageStream(stream, { keep: (chunk) => approvals.keep(chunk) }));
  const requests = approvals.requests();
  if (requests.length > 0 && !job.isOver) await job.pause({ type: 'tool_approval', requests });
}

function hasUIStream(value: unknown): value is { toUIMessageStream(): unknown } {
  return isObject(value) && typeof value.toUIMessageStream === 'function';
}

function isStream(value: unknown): value is PipeItems<UIChunk> {
  const { [Symbol.asyncIterator]: asynchronous, [Symbol.iterator]: synchronous } = Object(value);
  return (
    typeof value === 'object' &&
    (value instanceof ReadableStream || typeof (asynchronous ?? synchronous) === 'function')
  );
}

/** A tool asks for a yes or a no; that a page may change the arguments costs it nothing. What it answers is its own. */
const DECISIONS = ['approve', 'reject', 'edit'] as const;

/** The approvals that a stream asks for, by their calls. */
class StreamApprovals {
  readonly #calls = new Map<
    string,
    { readonly id: string; readonly name: string; readonly arguments: unknown }
  >();
  readonly #asked = new Set<string>();

  /** Keeps what is shown as it is. What asks for approval is asked by the pause, and so is what ends the message then. */
  keep(chunk: UIChunk): UIChunk | null {
    const { type, toolCallId } = chunk;
    if (typeof toolCallId === 'string') {
      if (type === 'tool-input-available') this.#note(toolCallId, chunk);
      if (type.startsWith('tool-output-')) this.#settle(toolCallId);
      // 7 approves some calls by itself, and says so in the stream: there is nobody to ask.
      if (type === 'tool-approval-request' && chunk.isAutomatic !== true && this.#calls.has(toolCallId)) {
        this.#asked.add(toolCallId);
        return null;
      }
    }
    return type === 'finish' && this.#asked.size > 0 ? null : chunk;
  }

  /** Returns the requests of the pause, in the order of their calls. */
  requests() {
    const asked = [...this.#calls.values()].filter(({ id }) => this.#asked.has(id));
    return asked.map((call) => ({ ...call, allowedDecisions: DECISIONS }));
  }

  #note(id: string, { toolName, input }: UIChunk): void {
    this.#calls.set(id, { id, name: String(toolName), arguments: input });
  }

  #settle(id: string): void {
    this.#calls.delete(id);
    this.#asked.delete(id);
  }
}
