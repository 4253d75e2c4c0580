/** A follower that begins with the state: content up to a cursor, and everything behind it. */
import { GenerationJobError } from '../../errors.js';
import type { GenerationJobManager } from '../interfaces/generation-job-manager.js';
import type { SubscribeOptions, SubscribeWithResumeResult } from '../interfaces/manager-types.js';

/** @throws what `manager.subscribeWithResume` throws */
export async function followFromState(
  manager: Pick<GenerationJobManager, 'getResumeState' | 'subscribe'>,
  streamId: string,
  options: SubscribeOptions,
): Promise<SubscribeWithResumeResult> {
  const { tenantId, userId, generation } = options;
  const state = await manager.getResumeState(streamId, { tenantId, userId, generation });
  if (state === null) throw new GenerationJobError('stream_not_found', 'There is no such stream.');
  const place = { generation: state.generation, after: state.cursor, resume: false };
  const subscription = manager.subscribe(streamId, { ...options, ...place });
  await subscription.ready;
  return { state, subscription };
}
