/** A pause asks and a resolution answers: the inputs of `job.pause` and `approvals.resolve`. */
import type { Access } from '../model/access.js';
import type { ApprovalDecision, Resolution } from '../model/types.js';
import type { RememberInput } from './rules.js';

/** The requests and questions to ask. Bounds: `ACTION_LIMITS`; all that is shown fits in `limits.eventBytes`. */
export interface PauseInput {
  /** 1 to 256 characters, never used before on the stream: who decides names only this. Made up when left out, which is best. */
  readonly actionId?: string | undefined;
  /** `tool_approval` (needs `requests`), `ask_user_question` (needs `questions`), or the host's own. */
  readonly type: string;
  /** The tool calls to decide on, for `tool_approval`. Default: none. */
  readonly requests?:
    | readonly {
        readonly id: string;
        readonly name: string;
        readonly arguments?: unknown;
        readonly description?: string | undefined;
        /** Default `approve` and `reject`. */
        readonly allowedDecisions?: readonly ApprovalDecision[] | undefined;
      }[]
    | undefined;
  /** The questions to answer, for `ask_user_question`. Default: none. */
  readonly questions?:
    | readonly {
        readonly id: string;
        readonly question: string;
        readonly description?: string | undefined;
        readonly options?:
          | readonly {
              readonly label: string;
              /** Default: the label. */
              readonly value?: string | undefined;
              readonly description?: string | undefined;
            }[]
          | undefined;
        /** Default false. */
        readonly multiSelect?: boolean | undefined;
        /** Default true. */
        readonly allowText?: boolean | undefined;
      }[]
    | undefined;
  /**
   * Holds what is shown for an action of the host's own type: JSON, held to its schema in `actionTypes`. Default: nothing.
   */
  readonly payload?: unknown;
  /** The longest wait for a decision, in milliseconds. Default `approvalWindowMs`. */
  readonly expiresInMs?: number | undefined;
  /** The host's own data to go on from; never sent to clients, and sealed in the store where the manager has a `seal`. */
  readonly resumeContext?: unknown;
  /** See `fingerprintOf`. 1 to 256 characters. */
  readonly fingerprint?: string | undefined;
}

/** A decision on an action. `decisions` for its requests, `answers` for its questions, `response` for a host's own type. */
export interface ResolveInput extends Access {
  /** The action that is decided; refused when it is no longer the pending one. */
  readonly actionId: string;
  /** A decision for each of the action's requests. Default: none. */
  readonly decisions?: readonly ApprovalInput[] | undefined;
  /** An answer for each of the action's questions. Default: none. */
  readonly answers?:
    | readonly {
        readonly id: string;
        readonly text?: string | undefined;
        readonly selected?: readonly string[] | undefined;
      }[]
    | undefined;
  /**
   * The answer to an action of the host's own type: JSON, held to its schema in `actionTypes`. Default: none.
   */
  readonly response?: unknown;
  /** The person who decides; recorded and told to followers. 1 to 256 characters. */
  readonly by: string;
  /** The digest of the action which was shown. Refused when the pending one has another. */
  readonly payloadDigest?: string | undefined;
  /** Must be given, here or by `beforeResolve`, when the action has one. */
  readonly fingerprint?: string | undefined;
  /**
   * The name of this decision: who asks again under the same key is told that it is decided as said. 1 to 256
   * characters.
   */
  readonly idempotencyKey?: string | undefined;
  /** The generation whose action is decided; refused when it is no longer the current one. Default: whichever waits. */
  readonly generation?: number | undefined;
  /** Says that a decision link decides and no session; recorded, and told to `beforeResolve`. Default: no link does. */
  readonly via?: 'link' | undefined;
  /** The host's own value for `beforeResolve`, as it is given: the routes pass the host's request. */
  readonly context?: unknown;
  /**
   * Makes rules of what is approved, so that such calls are not asked about again: `rules` of the manager. The decision stands
   * whatever becomes of them. Default: nothing is remembered.
   */
  readonly remember?: RememberInput | undefined;
}

export interface ApprovalInput {
  /** The request that is decided: its `id`. */
  readonly id: string;
  /** Holds what is decided; one of the request's `allowedDecisions`. */
  readonly decision: ApprovalDecision;
  /** Says why; recorded and told to followers. Default: none. */
  readonly reason?: string | undefined;
  /** `edit` needs them: an object. */
  readonly arguments?: unknown;
  /** `respond` needs it. */
  readonly text?: string | undefined;
}

/** An entry of `approvals.history`. */
export interface HistoryEntry extends Resolution {
  /** The generation whose action it was. */
  readonly generation: number;
}
