/**
 * Tells the host of each pause by `onPaused`, at least once, by whoever has the claim on it (`Claims`). The pause's own commit
 * makes the claim, for the process that paused; when that dies, another replica claims the notice once the claim has lapsed.
 * A hook that throws is called again with growing pauses, for as long as the pause lasts. A decision ends the telling.
 */
import type { Followers } from '../following/followers.js';
import type { WatchedPause } from '../following/pause-watch.js';
import { LONGEST_BACKOFF_MS, noticeHeldMs } from '../model/deadlines.js';
import type { JobRecord, StreamKey } from '../model/types.js';
import { backOff } from '../process/back-off.js';
import { logStep } from '../process/life-log.js';
import type { Parts } from '../process/parts.js';
import { Claims } from './claims.js';

export class PauseNotices {
  readonly #parts: Parts;
  readonly #followers: Pick<Followers, 'watchPause'>;
  readonly #stopped = new AbortController();

  constructor(parts: Parts, followers: Pick<Followers, 'watchPause'>) {
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
    const claims = claimsOn(this.#parts, action.actionId);
    const tries = isMine ? notice.tries : notice.tries + 1;
    const claimed = isMine
      ? record
      : await claims.step(key, record, {
          state: 'open',
          tries,
          notBeforeMs: options.settleClaimMs,
          claimed: true,
        });
    if (claimed !== undefined)
      await this.#tellClaimed(key, claimed, { generation, actionId: action.actionId });
  }

  /** No further notices; the hook under way is told by its signal. */
  stop(): void {
    this.#stopped.abort();
  }

  async #tellClaimed(key: StreamKey, claimed: JobRecord, pause: WatchedPause): Promise<void> {
    const { observer, options } = this.#parts;
    const claims = claimsOn(this.#parts, pause.actionId);
    const tries = claimed.pauseNotice?.tries ?? 1;
    let mine = claimed;
    const told = new AbortController();
    const over = new AbortController();
    const renewing = claims.renew(
      key,
      claimed,
      AbortSignal.any([told.signal, over.signal, this.#stopped.signal]),
      (renewed) => {
        mine = renewed;
        this.#parts.background.run(this.#bringNear(key, options.settleClaimMs));
      },
      () => over.abort(),
    );
    const stopWatching = this.#followers.watchPause(key, pause, over);
    let outcome: 'told' | 'retried' | 'left' = 'told';
    try {
      const isCalled = await this.#callHost(key, pause, AbortSignal.any([over.signal, this.#stopped.signal]));
      if (!isCalled) outcome = 'left';
    } catch (error) {
      // What was told to stop, and did, has not failed.
      outcome = this.#stopped.signal.aborted ? 'left' : 'retried';
      if (!over.signal.aborted && outcome === 'retried')
        this.#parts.errors.report({ where: 'onPaused', error, record: claimed });
    }
    stopWatching();
    told.abort();
    await renewing;
    if (over.signal.aborted) return;
    const pauses = { firstMs: options.settleBackoffMs, longestMs: LONGEST_BACKOFF_MS };
    // Left is what another replica shall tell at once.
    const notBeforeMs = outcome === 'retried' ? backOff(pauses, tries) : 0;
    const state = outcome === 'told' ? 'settled' : 'open';
    if (outcome !== 'told') await this.#bringNear(key, notBeforeMs);
    const done = await claims.finish(key, mine, { state, tries, notBeforeMs });
    if (done !== undefined && outcome !== 'left') observer.pauseTold(outcome);
  }

  async #callHost(
    key: StreamKey,
    { generation, actionId }: WatchedPause,
    signal: AbortSignal,
  ): Promise<boolean> {
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

function claimsOn(parts: Parts, actionId: string): Claims {
  return new Claims(parts, {
    pauseOf: actionId,
    standing: ({ pauseNotice, pendingAction }) =>
      pendingAction?.actionId === actionId ? pauseNotice : undefined,
  });
}
