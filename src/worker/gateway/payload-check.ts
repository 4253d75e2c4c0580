/**
 * A payload of the host's own type of action is held to a schema that only the host has. A worker asks before it pauses, and is
 * told what is wrong with it in the schema's own words: it refuses the pause where the mistake is, and its run goes on.
 */
import { jsonReply } from '../../http/replies.js';
import type { Reply } from '../../http/route-types.js';
import { boundHook } from '../../stream/process/host-code.js';
import type { Internals } from '../../stream/process/internals.js';

/** More of them help nobody. */
const MOST_ISSUES = 64;
const LONGEST_MESSAGE = 1_000;

/** @throws GenerationJobError `hook_timed_out` · what the schema throws */
export async function checkPayload(
  internals: Internals,
  { type, payload }: { readonly type: string; readonly payload?: unknown },
): Promise<Reply> {
  const schema = internals.actionTypes.get(type)?.payload;
  const { issues = [] } = schema
    ? await boundHook(internals, 'actionType', () => schema['~standard'].validate(payload))
    : {};
  const told = issues.slice(0, MOST_ISSUES).map(({ message, path = [] }) => ({
    message: String(message).slice(0, LONGEST_MESSAGE),
    path: path.map((step) => String(typeof step === 'object' ? step.key : step)),
  }));
  return jsonReply(200, { issues: told });
}

/** The types whose payload is held to a schema: for the others a worker need not ask. */
export function checkedTypes({ actionTypes }: Pick<Internals, 'actionTypes'>): string[] {
  return [...actionTypes.values()].flatMap(({ type, payload }) => (payload ? [type] : []));
}
