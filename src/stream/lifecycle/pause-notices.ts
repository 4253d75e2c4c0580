/**
 * Tells the host of each pause by `onPaused`, at least once, by whoever has the claim on it (`Claims`). The pause's own commit
 * makes the claim, for the process that paused; when that dies, another replica claims the notice once the claim has lapsed.
 * A hook that throws is called again with growing pauses, for as long as the pause lasts. A decision ends the telling.
 */
import type { Followers } from '../following/followers.js';
import { expiryOf, LONGEST_BACKOFF_MS, noticeHeldMs } from '../model/deadlines.js';
import type { JobRecord, StreamKey } from '../model/types.js';
import { backOff } from '../process/back-off.js';
import { logStep } from '../process/life-log.js';
import type { Parts } from '../process/parts.js';
import { Claims } from './claims.js';

/** The pause that the host is told of. */
interface Pause {
  readonly key: StreamKey;
  readonly generation: number;
  readonly actionId: string;
}

/** `left`: nobody was called, since this process stops. */
type Outcome = 'told' | 'retried' | 'left';

export class PauseNotices {
  readonly #parts: Parts;
  readonly #followers: Pick<Followers, 'whenRecord'>;
  readonly #stopped = new AbortController();

  constructor(parts: Parts, followers: Pick<Followers, 'whenRecord'>) {
    this.#parts = parts;
    this.#followers = followers;
  }

  /** A job of this process has paused: the claim on its notice is this process's by the pause's own commit. */
  begin(key: StreamKey, record: JobRecord): Promise<void> {
    logStep(this.#parts, 'paused', record, { actionId: record.pendingAction?.actionId });
    return this.tell(key, record, true);
  }

  /**
   * Tells the host of a pause, if it has not been told and nobody else does.
   * @param isMine whether this process has the claim already, by the pause's own commit
   */
  async tell(key: StreamKey, record: JobRecord, isMine = false): Promise<void> {
    const { hooks, options, storeClock } = this.#parts;
    const { pauseNotice: notice, pendingAction: action, generation } = record;
    if (hooks.onPaused === undefined || notice?.state !== 'open' || action === undefined) return;
    if (this.#stopped.signal.aborted) return;
    if (!isMine && notice.notBefore > storeClock.now()) return;
    const pause = { key, generation, actionId: action.actionId };
    const claims = new Claims(this.#parts, {
      pauseOf: pause.actionId,
      standing: (found) => (isPausedBy(found, pause) ? found.pauseNotice : undefined),
    });
    const [tries, notBeforeMs] = [notice.tries + 1, options.settleClaimMs];
    const claimed = isMine
      ? record
      : await claims.step(key, record, { state: 'open', tries, notBeforeMs, claimed: true });
    if (claimed !== undefined) await this.#tellClaimed(pause, claims, claimed);
  }

  /** No further notices; the hook under way is told by its signal. */
  stop(): void {
    this.#stopped.abort();
  }

  async #tellClaimed(pause: Pause, claims: Claims, claimed: JobRecord): Promise<void> {
    const { observer, options, background } = this.#parts;
    const { key } = pause;
    let mine = claimed;
    const told = new AbortController();
    const over = new AbortController();
    const renewing = claims.renew(
      key,
      claimed,
      AbortSignal.any([told.signal, over.signal, this.#stopped.signal]),
      (renewed) => {
        mine = renewed;
        background.run(this.#bringNear(key, options.settleClaimMs));
      },
      () => over.abort(),
    );
    const watched = AbortSignal.any([told.signal, this.#stopped.signal]);
    background.run(this.#watch(pause, claimed, watched, over));
    const outcome = await this.#tryHost(pause, claimed, over.signal);
    told.abort();
    await renewing;
    if (over.signal.aborted) return;
    const tries = claimed.pauseNotice?.tries ?? 1;
    const pauses = { firstMs: options.settleBackoffMs, longestMs: LONGEST_BACKOFF_MS };
    // Left is what another replica shall tell at once.
    const notBeforeMs = outcome === 'retried' ? backOff(pauses, tries) : 0;
    const state = outcome === 'told' ? 'settled' : 'open';
    if (outcome !== 'told') await this.#bringNear(key, notBeforeMs);
    // That the notice is over says that the feed knows of the pause, or can't be told.
    await this.#parts.feed.tell(key, claimed);
    const done = await claims.finish(key, mine, { state, tries, notBeforeMs });
    if (done !== undefined && outcome !== 'left') observer.pauseTold(outcome);
  }

  /** Fires `over` when the pause is over before the host has been told. The renewal of the claim hears of it in any case. */
  async #watch(pause: Pause, record: JobRecord, signal: AbortSignal, over: AbortController): Promise<void> {
    const { generation, key } = pause;
    const timeoutMs = Math.max(1, expiryOf(record) - this.#parts.store.now());
    const until = (found: JobRecord) => !isPausedBy(found, pause);
    const found = await this.#followers.whenRecord(key, {
      generation,
      timeoutMs,
      signal,
      seen: record,
      until,
    });
    if (found === null || until(found)) over.abort();
  }

  async #tryHost(pause: Pause, record: JobRecord, over: AbortSignal): Promise<Outcome> {
    try {
      const isCalled = await this.#callHost(pause, AbortSignal.any([over, this.#stopped.signal]));
      return isCalled ? 'told' : 'left';
    } catch (error) {
      // What was told to stop, and did, has not failed.
      if (this.#stopped.signal.aborted) return 'left';
      if (!over.aborted) this.#parts.errors.report({ where: 'onPaused', error, record });
      return 'retried';
    }
  }

  /** Says whether the host was called: not for a pause that is over, or by a process that stops. */
  async #callHost({ key, generation, actionId }: Pause, signal: AbortSignal): Promise<boolean> {
    const state = await this.#parts.states.read(key, generation);
    const action = state?.record.pendingAction;
    // Decided, or gone, meanwhile.
    if (state === null || action?.actionId !== actionId || signal.aborted) return false;
    await this.#parts.hooks.onPaused?.({
      pauseId: `${key.id}/${generation}/${actionId}`,
      record: state.record,
      action,
      content: state.content ?? null,
      ...(state.missing && { missing: state.missing }),
      signal,
    });
    return true;
  }

  /**
   * Brings the next look near, and holds another one behind it: a replica of a release that knows no notices would put it
   * off to the expiry.
   */
  #bringNear(key: StreamKey, inMs: number): Promise<void> {
    const { store, options } = this.#parts;
    return store.due.nearer(key, inMs, noticeHeldMs(inMs, options));
  }
}

function isPausedBy({ generation, pendingAction }: JobRecord, pause: Pause): boolean {
  return generation === pause.generation && pendingAction?.actionId === pause.actionId;
}
