/** The death of a worker, as whoever has spawned it notices before the lease does. */
import { z } from 'zod';
import type { GenerationJobManager } from '../../stream/interfaces/generation-job-manager.js';
import type { HostTypes, Untyped } from '../../stream/model/host-types.js';
import { streamKey } from '../../stream/model/stream-key.js';
import { parseStrictly } from '../../stream/model/strict.js';
import { handOut } from '../../stream/process/handed-out.js';
import { internalsOf } from '../../stream/process/internals.js';
import type { IssuedRun } from './run-tokens.js';

const whole = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
const runSchema = z.strictObject({
  tenantId: z.string().optional(),
  streamId: z.string(),
  generation: whole,
  attempt: whole,
  // The rest of a run as it was issued, which says nothing here.
  token: z.unknown().optional(),
  sequence: z.unknown().optional(),
  expiresAt: z.unknown().optional(),
});

/**
 * Says that a worker is dead, such as when the child process that it was has exited: its run is taken over, or ends as
 * `producer_lost`, at once and not when its lease lapses. Call it only of a worker that certainly writes no more.
 *
 * @param run the run as `issueRunToken` gave it
 * @returns a promise of whether the attempt was a worker's and still ran
 * @throws GenerationJobError `invalid_argument`, `invalid_stream_id`; what the store could not do
 * @example
 * child.on('exit', () => workerLost(manager, { streamId, generation, attempt }));
 */
export function workerLost<Types extends HostTypes = Untyped>(
  manager: GenerationJobManager<Types>,
  run: Pick<IssuedRun, 'tenantId' | 'streamId' | 'generation' | 'attempt'>,
): Promise<boolean> {
  const internals = internalsOf(manager);
  return handOut(internals, 'workerLost', async () => {
    const { tenantId, streamId, generation, attempt } = parseStrictly(
      'invalid_argument',
      runSchema,
      run,
      'run',
    );
    return internals.remote.lose({ key: streamKey(streamId, tenantId), generation, attempt });
  });
}
