/**
 * Every error this library throws on purpose. One class, one table: the code says what happened, the table says which
 * HTTP status it becomes and what the caller can do about it. Two subclasses exist because callers act differently on
 * them: a conflict names the generation in the way, the end of a job tells a producer why it must stop.
 */

interface ErrorKind {
  /** HTTP status the routes answer with. */
  readonly status: number;
  /** The caller's way out; appended to the message, never sent with internal details. */
  readonly remedy: string;
}

export const ERROR_TABLE = {
  invalid_options: { status: 500, remedy: 'Correct the options named in the message.' },
  invalid_argument: { status: 400, remedy: 'Correct the field named in the message.' },
  invalid_stream_id: { status: 400, remedy: 'Use 1 to 128 characters of A-Z a-z 0-9 _ . ~ -.' },
  invalid_cursor: {
    status: 400,
    remedy: 'Send back a cursor exactly as it was received: <generation>-<sequence>.',
  },
  invalid_event: {
    status: 400,
    remedy: 'Emit { event, data } with a plain name and data that JSON can carry.',
  },
  reserved_event: {
    status: 400,
    remedy: 'Choose another event name: lifecycle names belong to the library.',
  },
  event_too_large: { status: 413, remedy: 'Send large content by reference, or raise limits.eventBytes.' },
  json_too_deep: { status: 400, remedy: 'Flatten the value, or raise limits.jsonDepth.' },
  metadata_too_large: { status: 413, remedy: 'Keep metadata small, or raise limits.metadataBytes.' },
  notes_limit: {
    status: 409,
    remedy:
      'Take notes away, write them under keys that are there, or raise limits.notes or limits.notesBytes.',
  },
  kept_limit: { status: 409, remedy: 'Reuse or clear a `keep` key, or raise limits.keptEvents.' },
  body_too_large: { status: 413, remedy: 'Send a smaller body, or raise bodyBytes of the routes.' },
  body_timeout: { status: 408, remedy: 'Send the whole body at once.' },
  body_consumed: {
    status: 500,
    remedy: 'Leave the body of these routes unread, or put what was read into request.body.',
  },
  invalid_body: { status: 400, remedy: 'Send a JSON object of the documented shape.' },
  unsupported_media_type: { status: 415, remedy: 'Send application/json without content-encoding.' },
  method_not_allowed: { status: 405, remedy: 'Use the documented method.' },
  origin_refused: { status: 403, remedy: 'Add the page’s origin to allowedOrigins.' },
  stream_not_found: {
    status: 404,
    remedy: 'Start a job on the stream first; ended jobs are kept only for the retention time.',
  },
  stream_taken: { status: 409, remedy: 'Use another stream id; this one belongs to someone else.' },
  conflict: {
    status: 409,
    remedy:
      'Wait for the active generation, join it, or create with onConflict "replace"; with expects, show what is newer first.',
  },
  generation_ended: { status: 409, remedy: 'Read the stream’s status: that generation is over.' },
  user_limit_exceeded: { status: 429, remedy: 'Wait until one of the user’s jobs ends or pauses.' },
  capacity_exceeded: { status: 503, remedy: 'Try again later or elsewhere, or raise the limit named.' },
  predecessor_unsettled: {
    status: 503,
    remedy: 'Ask again later: the answer before it is not saved yet; or create without waitFor.',
  },
  create_expired: { status: 503, remedy: 'Create again: the first request arrived too late to be wanted.' },
  job_ended: { status: 409, remedy: 'Stop producing; look at job.signal.reason for why.' },
  fenced: { status: 409, remedy: 'Stop producing: another attempt or generation has taken over.' },
  lease_lost: { status: 503, remedy: 'Stop producing: the store could not be reached within the lease.' },
  limit_exceeded: {
    status: 413,
    remedy: 'Make shorter generations, snapshot with a content model, or raise the limit named.',
  },
  timeout: { status: 504, remedy: 'Emit at least once per idleTimeoutMs and end within maxRunMs.' },
  producer_lost: { status: 500, remedy: 'Start the generation again.' },
  producer_failed: { status: 500, remedy: 'Start the generation again.' },
  not_leaving: {
    status: 409,
    remedy: 'Hand the job over when job.handover has fired: until then, nobody else is to go on with it.',
  },
  hand_over_too_large: {
    status: 413,
    remedy: 'Keep the state elsewhere and hand over where it is, or raise limits.handOverBytes.',
  },
  interrupted: { status: 503, remedy: 'Start the generation again on another replica.' },
  log_lost: { status: 500, remedy: 'Start the generation again: the store lost events it had acknowledged.' },
  invalid_action: { status: 400, remedy: 'Send an action or decision of the documented shape.' },
  request_unknown: { status: 400, remedy: 'Decide the requests and questions of the pending action only.' },
  request_undecided: { status: 400, remedy: 'Decide every request, and answer every question, in one call.' },
  request_decided_twice: { status: 400, remedy: 'Decide each request, and answer each question, once.' },
  decision_not_allowed: { status: 400, remedy: 'Choose one of the request’s allowedDecisions.' },
  edit_without_arguments: { status: 400, remedy: 'Send the edited arguments as an object.' },
  respond_without_text: { status: 400, remedy: 'Send the text to respond with.' },
  answer_not_allowed: {
    status: 400,
    remedy: 'Select offered options, several only with multiSelect, and write only with allowText.',
  },
  action_refused: { status: 403, remedy: 'Decide otherwise: the server does not accept this decision.' },
  payload_changed: { status: 409, remedy: 'Show the pending action again: it is not what was decided on.' },
  fingerprint_mismatch: {
    status: 409,
    remedy: 'Start a new generation: what would go on is not what was paused.',
  },
  action_not_found: {
    status: 404,
    remedy: 'Read the stream’s status for the action that is pending, if any.',
  },
  action_stale: { status: 409, remedy: 'Show the newer action: this one has been replaced.' },
  action_decided: { status: 409, remedy: 'Show the outcome: someone else has decided.' },
  action_expired: { status: 410, remedy: 'Start a new generation: the time to decide is over.' },
  decision_not_linkable: {
    status: 400,
    remedy:
      'Let it be decided in the application: a link takes one decision for all requests, and fixed options as answers.',
  },
  link_invalid: { status: 404, remedy: 'Ask for a new link, or decide in the application.' },
  link_expired: { status: 410, remedy: 'Decide in the application: the link has expired.' },
  rules_limit: {
    status: 409,
    remedy: 'Revoke rules that are not needed any more, or raise mostRules.',
  },
  rule_refused: { status: 403, remedy: 'Decide without `remember`: the server gives no such rule.' },
  rule_revoked: { status: 409, remedy: 'Give a new rule under another ruleId: this one was revoked.' },
  receipts_limit: {
    status: 409,
    remedy: 'Make fewer calls through `once`, use keys again that have failed, or raise limits.receipts.',
  },
  receipt_unknown: {
    status: 409,
    remedy: 'Find out whether the call was made, let a person be asked, or say that it is idempotent.',
  },
  receipts_unavailable: {
    status: 500,
    remedy: 'Use `once` in a process that reaches the store; elsewhere give the tool an idempotency key.',
  },
  seal_unavailable: {
    status: 503,
    remedy:
      'Try again: another replica may be able to. On the server, give each one the seal, and the keys, of all others.',
  },
  inbox_full: {
    status: 429,
    remedy: 'Wait until the producer has taken a message, cancel one, or raise the limit named.',
  },
  inbox_not_empty: { status: 409, remedy: 'Take what waits in job.inbox, then complete again.' },
  message_taken: { status: 409, remedy: 'Send another message: this one does not wait any more.' },
  message_too_large: {
    status: 413,
    remedy: 'Send large content by reference, or raise limits.messageBytes.',
  },
  queue_full: {
    status: 429,
    remedy: 'Wait until a queued run has started, cancel one, or raise limits.queuedRuns.',
  },
  run_not_queued: {
    status: 409,
    remedy: 'Read the stream’s queue and its status: the run has started, was handed back, or was cancelled.',
  },
  agent_running: {
    status: 409,
    remedy: 'Follow the stream: its agent runs already. Or stop the job, and start another.',
  },
  checkpoint_lost: { status: 410, remedy: 'Start a new generation: what the run had saved is gone.' },
  checkpoint_too_large: {
    status: 413,
    remedy: 'Keep media out of messages: send it by reference, or raise maxBytes.',
  },
  checkpointer_failed: {
    status: 500,
    remedy: 'Install the package, or mend the index, that the cause names.',
  },
  transcript_too_large: {
    status: 413,
    remedy: 'Let the agent compact its session, or raise maxBytes on both sides.',
  },
  transcript_damaged: {
    status: 500,
    remedy: 'Save it again if its file is still there; else clear the conversation’s transcripts.',
  },
  transcript_timeout: { status: 504, remedy: 'Try again, or raise withinMs.' },
  transcript_not_completed: {
    status: 409,
    remedy: 'Complete the run first: no other run’s transcript is saved.',
  },
  transcript_not_found: {
    status: 404,
    remedy: 'Complete a run of the conversation first; a cleared one has none.',
  },
  transcripts_not_kept: {
    status: 503,
    remedy: 'Give the gateway the store of transcripts that the run’s token names.',
  },
  log_unavailable: { status: 500, remedy: 'Install pino, or name it by importPeer.' },
  control_unavailable: {
    status: 500,
    remedy: 'Look at what the cause names: the port must be free, and the port file’s folder writable.',
  },
  newer_format: {
    status: 503,
    remedy: 'Ask a replica of the newer release; or give this one a keyPrefix of its own.',
  },
  settlement_dropped: {
    status: 500,
    remedy: 'Save what the host has of it elsewhere; make `settle` succeed, or raise setAsideMs.',
  },
  hook_timed_out: {
    status: 503,
    remedy: 'Try again. On the server, make the hook named answer in time, or raise hookMs.',
  },
  deletion_incomplete: {
    status: 503,
    remedy: 'Delete again: what could be deleted is gone, and the streams named in the message are left.',
  },
  store_damaged: {
    status: 500,
    remedy: 'Look at what the cause names: the store refuses it for good. Delete the stream, or mend it.',
  },
  outbox_in_use: {
    status: 503,
    remedy: 'Give each worker a file of its own, or wait until the other has closed it.',
  },
  outbox_damaged: {
    status: 500,
    remedy: 'Keep the file for whoever can read what is left of it, and begin with a new one.',
  },
  outbox_newer_format: {
    status: 503,
    remedy: 'Open it with the release that wrote it, or a newer one; or begin with a new file.',
  },
  outbox_full: {
    status: 503,
    remedy: 'Look at why nothing is delivered, discard what is set aside, or raise maxRows or maxBytes.',
  },
  outbox_failed: { status: 503, remedy: 'Look at the disk that the cause tells of, and try again.' },
  worker_events_lost: {
    status: 500,
    remedy: 'Start the generation again: events of its worker could not be delivered.',
  },
  token_invalid: {
    status: 401,
    remedy: 'Send the run token that the host has issued, whole and as a bearer.',
  },
  token_expired: {
    status: 401,
    remedy: 'Renew it with POST /token, which takes one that has just expired; later, ask the host.',
  },
  token_of_another_run: { status: 403, remedy: 'Leave out whose run it is: the token says so, and alone.' },
  gap: { status: 409, remedy: 'Send on from the sequence that is expected.' },
  run_paused: { status: 409, remedy: 'Wait for the decision on GET /control: it makes the next attempt.' },
  not_handed_over: {
    status: 409,
    remedy:
      'Ask again soon: the host has yet to hand the next attempt over, with issueRunToken and waiting: true.',
  },
  too_many_requests: {
    status: 429,
    remedy: 'Wait as long as retry-after says; send larger batches, or ask less often.',
  },
  unavailable: { status: 503, remedy: 'Try again: the store did not answer.' },
  draining: { status: 503, remedy: 'Reconnect: this replica is shutting down.' },
  closed: { status: 503, remedy: 'Use a manager that has not been closed.' },
  internal: { status: 500, remedy: 'Look at the server’s log.' },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_TABLE;

export class GenerationJobError extends Error {
  /** The name of the class, as every error has one. */
  override readonly name: string = 'GenerationJobError';
  /** One of the codes in `ERROR_TABLE`, which has a remedy for each. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(`${message} ${ERROR_TABLE[code].remedy}`, options);
    this.code = code;
  }

  /** The HTTP status this error becomes. */
  get status(): number {
    return ERROR_TABLE[this.code].status;
  }

  /** Says what the caller can do about it. */
  get remedy(): string {
    return ERROR_TABLE[this.code].remedy;
  }
}

/** A generation stands in the way: an active one that the caller asked not to replace, or one newer than `expects` says. */
export class ConflictError extends GenerationJobError {
  /** The name of the class, as every error has one. */
  override readonly name = 'ConflictError';
  /** The stream that has the generation. */
  readonly streamId: string;
  /** The number of that generation. */
  readonly generation: number;

  constructor(streamId: string, generation: number) {
    super('conflict', `Generation ${generation} is there on stream ${streamId}.`);
    this.streamId = streamId;
    this.generation = generation;
  }
}

/** Some of a user's streams could not be deleted; all others have gone. */
export class DeletionIncompleteError extends GenerationJobError {
  /** The name of the class, as every error has one. */
  override readonly name = 'DeletionIncompleteError';
  /** The number of streams deleted. */
  readonly deleted: number;
  /** Stream ids of those that are left; empty when it is not known which. */
  readonly left: readonly string[];

  constructor(deleted: number, left: readonly string[], options?: { cause?: unknown }) {
    const shown = left.slice(0, 10).join(', ') || 'the rest';
    super(
      'deletion_incomplete',
      `Deleted ${deleted} streams, but not ${left.length || 'all'}: ${shown}.`,
      options,
    );
    this.deleted = deleted;
    this.left = left;
  }
}

/** The reason a producer's handle is over: how its generation ended, or how it lost the right to write. */
export type EndReason =
  | 'completed'
  | 'failed'
  | 'aborted'
  | 'replaced'
  | 'expired'
  | 'paused'
  | 'fenced'
  | 'log_lost'
  | 'store_damaged'
  | 'lease_lost'
  | 'gone'
  | 'handed_over';

/** Reasons that have a remedy of their own. */
const TOLD_BY_CODE: ReadonlySet<EndReason> = new Set(['fenced', 'lease_lost', 'log_lost', 'store_damaged']);

/** This producer may not write any more. Also the reason its `AbortSignal` fires with. */
export class JobEndedError extends GenerationJobError {
  /** The name of the class, as every error has one. */
  override readonly name = 'JobEndedError';
  /** Says why the handle is over. */
  readonly reason: EndReason;

  constructor(reason: EndReason, options?: { cause?: unknown }) {
    super(
      TOLD_BY_CODE.has(reason) ? (reason as ErrorCode) : 'job_ended',
      `This producer has stopped (${reason}).`,
      options,
    );
    this.reason = reason;
  }
}

/** Says whether an error is one of this package's, thrown on purpose; with `code`, whether it is that one. */
export function isGenerationJobError(error: unknown, code?: ErrorCode): error is GenerationJobError {
  return error instanceof GenerationJobError && (code === undefined || error.code === code);
}

/** An error of ours as it is; anything else that was thrown has an unknown outcome. */
export function asGenerationJobError(error: unknown): GenerationJobError {
  if (error instanceof GenerationJobError) return error;
  return new GenerationJobError('unavailable', 'The store could not do what was asked.', { cause: error });
}

/**
 * Says whether an error leaves open what became of a call: the store was silent, or threw what is not ours. Every write
 * is recognised when it comes again, so the call may be repeated. Any other error of ours is an answer, and stays the
 * same.
 */
export function isUnanswered(error: unknown): boolean {
  return !isGenerationJobError(error) || error.code === 'unavailable';
}
