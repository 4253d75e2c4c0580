/**
 * Follows a stream while its agent waits for a decision. The job's own handle is over with the pause, so an abort, an expiry,
 * or a decision that somebody makes elsewhere is heard here and nowhere else.
 */
import { SECOND, sleep, systemClock } from '../../clock.js';
import { isGenerationJobError } from '../../errors.js';
import type { GenerationJob } from '../../stream/interfaces/generation-job.js';
import { isObject } from '../../stream/model/plain-values.js';
import type { QuestionManager } from './options.js';

export interface PauseNews {
  /** The action was decided: whoever did has the next attempt's handle. */
  onDecided(): void;
  /** The generation is over, or nobody can follow it from here any more. */
  onOver(why: string): void;
}

const AGAIN_MS = SECOND;
const ENDS: ReadonlySet<string> = new Set(['completed', 'failed', 'aborted', 'gone']);

/** Watches until the signal fires, or there is nothing more to hear. Never rejects. */
export async function watchPause(
  manager: QuestionManager,
  job: Pick<GenerationJob, 'key' | 'userId' | 'generation'>,
  news: PauseNews,
  signal: AbortSignal,
): Promise<void> {
  const { key, userId, generation } = job;
  const access = { userId, generation, tenantId: key.tenantId };
  while (!signal.aborted) {
    try {
      // What there was before is told by a `sync`: the decision may have come before this follower.
      const events = manager.subscribe(key.streamId, { ...access, resume: true, signal });
      for await (const { event, data } of events) if (hear(event, data, news)) return;
    } catch (error) {
      if (isGenerationJobError(error, 'stream_not_found')) return news.onOver('gone');
      if (['draining', 'closed'].some((code) => isGenerationJobError(error) && error.code === code))
        return news.onOver('closing');
      // Whatever else it was, the store may answer again; the action's expiry bounds it.
    }
    await sleep(systemClock, AGAIN_MS, signal);
  }
}

/** Tells the news in an event; says whether they are the last. */
function hear(event: string, data: unknown, news: PauseNews): boolean {
  const fields = isObject(data) ? data : {};
  if (event === 'resumed' || (event === 'sync' && fields.status === 'running')) {
    news.onDecided();
    return false;
  }
  if (!ENDS.has(event)) return false;
  news.onOver(typeof fields.code === 'string' ? fields.code : event);
  return true;
}
