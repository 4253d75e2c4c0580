/**
 * The state machine of a job, as data: the only place that says which change of state is legal. The memory store obeys
 * this table, the Lua scripts are checked against it, the documentation prints it.
 *
 *          create ──► running ◄──────────── resolve ─────────────┐
 *                      │  │ └─ recover ─► running (attempt + 1)   │
 *                      │  └──── pause ───────────────► requires_action
 *   complete, fail, lose │                                │ expire
 *                      ▼  └──────── abort, replace ───────┴──────► aborted
 *              completed / failed
 */
import type { JobRecord, JobStatus } from './types.js';

export type TransitionName =
  | 'pause'
  | 'resolve'
  | 'expire'
  | 'complete'
  | 'fail'
  | 'lose'
  | 'recover'
  | 'abort'
  | 'replace';

export interface Transition {
  /** The statuses it may leave. */
  readonly from: readonly JobStatus[];
  /** The status it leads to. */
  readonly to: JobStatus;
  /** `producer`: only the attempt that is writing. `other`: whichever replica, guarded by what `guard` says. */
  readonly by: 'producer' | 'other';
  /** `action`: the pending action's id must match. `lease`: the lease must have lapsed by the store's clock. */
  readonly guard?: 'action' | 'lease';
  /** True when another producer takes over. */
  readonly nextAttempt?: true;
  /** The lifecycle event that announces it. */
  readonly event: LifecycleEvent;
}

export const LIFECYCLE_EVENTS = [
  'created',
  'requires_action',
  'resumed',
  'recovered',
  'completed',
  'failed',
  'aborted',
] as const;
export type LifecycleEvent = (typeof LIFECYCLE_EVENTS)[number];

/** Names made for one follower, never written to a log. */
export const FOLLOWER_EVENTS = [
  ...(['sync', 'gap', 'gone', 'updated', 'inbox', 'queued'] as const),
  ...(['settled', 'heartbeat'] as const),
] as const;

/** Names of events that a producer's own calls commit and the library words: they change no state, and count like a host's. */
const OWN_EVENTS = ['message', 'rule_used'] as const;
export type OwnEvent = (typeof OWN_EVENTS)[number];

export const TRANSITIONS = {
  pause: { from: ['running'], to: 'requires_action', by: 'producer', event: 'requires_action' },
  resolve: {
    from: ['requires_action'],
    to: 'running',
    by: 'other',
    guard: 'action',
    nextAttempt: true,
    event: 'resumed',
  },
  expire: { from: ['requires_action'], to: 'aborted', by: 'other', guard: 'action', event: 'aborted' },
  complete: { from: ['running'], to: 'completed', by: 'producer', event: 'completed' },
  fail: { from: ['running'], to: 'failed', by: 'producer', event: 'failed' },
  lose: { from: ['running'], to: 'failed', by: 'other', guard: 'lease', event: 'failed' },
  recover: {
    from: ['running'],
    to: 'running',
    by: 'other',
    guard: 'lease',
    nextAttempt: true,
    event: 'recovered',
  },
  abort: { from: ['running', 'requires_action'], to: 'aborted', by: 'other', event: 'aborted' },
  replace: { from: ['running', 'requires_action'], to: 'aborted', by: 'other', event: 'aborted' },
} as const satisfies Record<TransitionName, Transition>;

export function transitionOf(name: TransitionName): Transition {
  return TRANSITIONS[name];
}

/** Says whether a generation in this state may still change. */
export function isActive(status: JobStatus): status is 'running' | 'requires_action' {
  return status === 'running' || status === 'requires_action';
}

/**
 * Returns why an attempt may not write to its generation, which is the current one; undefined when it may. The same rule
 * stands in redis-lua/include/record.lua.
 */
export function refusalOfProducer(
  { attempt, status }: Pick<JobRecord, 'attempt' | 'status'>,
  writer: number,
): 'fenced' | 'ended' | 'paused' | undefined {
  if (writer !== attempt) return isActive(status) ? 'fenced' : 'ended';
  if (status === 'requires_action') return 'paused';
  return status === 'running' ? undefined : 'ended';
}

const TERMINAL: ReadonlySet<string> = new Set(['completed', 'failed', 'aborted']);

/** Says whether an event of this name ends its generation. */
export function isTerminalEvent(event: string): boolean {
  return TERMINAL.has(event);
}

const LIFECYCLE: ReadonlySet<string> = new Set(LIFECYCLE_EVENTS);

/** Says whether an event of this name announces a change of state. */
export function isLifecycleEvent(event: string): boolean {
  return LIFECYCLE.has(event);
}

const OWN: ReadonlySet<string> = new Set(OWN_EVENTS);

/** Says whether an event of this name is the library's, and changes no state. */
export function isOwnEvent(event: string): boolean {
  return OWN.has(event);
}

const RESERVED: ReadonlySet<string> = new Set([...LIFECYCLE_EVENTS, ...FOLLOWER_EVENTS, ...OWN_EVENTS]);

/** Says whether a host may not emit under this name. */
export function isReservedEvent(event: string): boolean {
  return RESERVED.has(event);
}
