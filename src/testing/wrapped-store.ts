/**
 * A store whose every call goes through one function, which may delay it, repeat it, lose its answer, refuse to make it,
 * or write it down. All the odd stores of the tests are made of this.
 */
import type { JobStore } from '../stream/interfaces/job-store.js';
import type { StreamKey } from '../stream/model/types.js';

export interface StoreCall {
  /** `commit`, `due.nearer`, `slots.take` and so on. */
  readonly method: string;
  /** Holds what it was called with. */
  readonly args: readonly unknown[];
}

/** Makes the call by `perform`, as often and as late as it likes, and answers it. */
export type Intercept = (call: StoreCall, perform: () => Promise<unknown>) => Promise<unknown>;

const CALLS = [
  'start',
  'create',
  'commit',
  'read',
  'receipts',
  'readLog',
  'saveSnapshot',
  'renew',
  'listByUser',
  'delete',
  'close',
];
const DUE_CALLS = ['list', 'nearer', 'later'];
const REPAIR_CALLS = ['list', 'restore'];
const FEED_CALLS = ['append', 'read', 'markSeen', 'clear'];
const QUEUE_CALLS = ['add', 'change', 'read', 'drop'];
const SLOT_CALLS = ['take', 'give', 'remember', 'confirm', 'forget', 'clear'];

type Methods = Record<string, (...args: unknown[]) => Promise<unknown>>;

function wrapMethods(
  target: object,
  names: readonly string[],
  prefix: string,
  intercept: Intercept,
): Methods {
  const source = target as Methods;
  const wrapped: Methods = {};
  for (const name of names) {
    wrapped[name] = (...args) =>
      intercept({ method: `${prefix}${name}`, args }, () =>
        (source[name] as Methods[string]).call(target, ...args),
      );
  }
  return wrapped;
}

/** Makes a store of another, each call of which goes through `intercept`. */
export function wrapStore(inner: JobStore, intercept: Intercept): JobStore {
  return {
    kind: inner.kind,
    shared: inner.shared,
    answerMs: inner.answerMs,
    keepsEndedMs: inner.keepsEndedMs,
    nodeOf: inner.nodeOf && ((key: StreamKey) => inner.nodeOf?.(key)),
    now: () => inner.now(),
    due: wrapMethods(inner.due, DUE_CALLS, 'due.', intercept),
    repair: inner.repair && wrapMethods(inner.repair, REPAIR_CALLS, 'repair.', intercept),
    feeds: wrapMethods(inner.feeds, FEED_CALLS, 'feeds.', intercept),
    queues: wrapMethods(inner.queues, QUEUE_CALLS, 'queues.', intercept),
    slots: wrapMethods(inner.slots, SLOT_CALLS, 'slots.', intercept),
    ...wrapMethods(inner, CALLS, '', intercept),
  } as unknown as JobStore;
}
