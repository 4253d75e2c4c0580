/**
 * The routes ask the host on whose behalf a request acts, and act for that user alone. Nobody, somebody else and nothing there
 * get one and the same answer.
 */
import { GenerationJobError, isGenerationJobError } from '../errors.js';
import type { GenerationJobManager } from '../stream/interfaces/generation-job-manager.js';
import { userKey } from '../stream/model/stream-key.js';
import { boundHook, reportHook } from '../stream/process/host-code.js';
import { internalsOf } from '../stream/process/internals.js';
import { AuthorizeFailed, reportError } from './replies.js';
import type { RouteRequest } from './route-types.js';

/** The caller, once it is known who that is; passed on to the manager with every call. */
export interface Caller {
  readonly userId: string;
  readonly tenantId?: string | undefined;
}

/**
 * Asks the host who it is.
 * @throws GenerationJobError `stream_not_found` for nobody, so that being nobody looks like asking for nothing
 */
export async function identify(request: RouteRequest, parts: HookParts): Promise<Caller> {
  const identity = await whoAsks(request, parts);
  if (identity === null || identity === undefined) {
    throw new GenerationJobError('stream_not_found', 'The request was not authorized.');
  }
  try {
    userKey(identity.userId, identity.tenantId);
  } catch (cause) {
    const invalid = new GenerationJobError('internal', 'authorize gave no valid { userId, tenantId? }.', {
      cause,
    });
    throw new AuthorizeFailed('authorize', { cause: invalid });
  }
  const { userId, tenantId } = identity;
  return tenantId === undefined ? { userId } : { userId, tenantId };
}

type HookParts = Parameters<typeof reportHook>[0] & Parameters<typeof boundHook>[0];

/**
 * Waits for the host's answer; it is nobody, when that does not come in time.
 * @throws AuthorizeFailed with what `authorize` threw; an error of the library's own as it is
 */
async function whoAsks(request: RouteRequest, parts: HookParts): ReturnType<RouteRequest['authorize']> {
  try {
    return await boundHook(parts, 'authorize', () => request.authorize());
  } catch (error) {
    if (!isGenerationJobError(error)) throw new AuthorizeFailed('authorize', { cause: error });
    if (error.code !== 'hook_timed_out') throw error;
    reportHook(parts, 'authorize', error);
    return null;
  }
}

/** Says whether a request acts on behalf of whom it did when it came. */
export async function isStill(request: RouteRequest, caller: Caller, parts: HookParts): Promise<boolean> {
  const now = await whoAsks(request, parts);
  return Boolean(now) && now?.userId === caller.userId && now.tenantId === caller.tenantId;
}

/**
 * Says whether a reader may go on reading. A store that does not answer decides nothing: the next re-check asks again.
 */
export async function mayStillRead(
  request: RouteRequest,
  streamId: string,
  caller: Caller,
  manager: GenerationJobManager,
): Promise<boolean> {
  const internals = internalsOf(manager);
  if (!(await isStill(request, caller, internals))) return false;
  try {
    return (await manager.getJob(streamId, caller)) !== null;
  } catch (error) {
    reportError(error, 'stream', internals.errors);
    return true;
  }
}
