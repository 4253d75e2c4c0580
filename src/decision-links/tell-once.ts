/**
 * Tells a person of a pause in each way once, though the hook is called at least once: after a crash, or because one of several ways
 * failed. The ways that have been told are marked in the record's metadata, which goes when the record goes. A process that dies
 * between the telling and its mark leaves it to be told again, so a mail still needs a Message-ID of its own: `pauseId` is the key.
 */
import { z } from 'zod';
import type { GenerationJobManager } from '../stream/interfaces/generation-job-manager.js';
import type { AnnotateInput, PausedInput } from '../stream/interfaces/manager-types.js';
import type { HostTypes, Untyped } from '../stream/model/host-types.js';
import { requiredFunction } from '../stream/model/host-values.js';
import { isObject } from '../stream/model/plain-values.js';
import { parseStrictly } from '../stream/model/strict.js';
import { handOut } from '../stream/process/handed-out.js';
import { internalsOf } from '../stream/process/internals.js';

/** The key of the record's metadata that has the marks. */
const MARKS_KEY = 'pauseTold';
const MOST_WAYS = 16;

const waysSchema = z.strictObject({
  ways: z
    .record(z.string().min(1).max(64), requiredFunction)
    .refine((ways) => Object.keys(ways).length <= MOST_WAYS, `has more than ${MOST_WAYS} ways`),
});

/** The ways to tell somebody, by a name for each. */
type Ways<Types extends HostTypes> = Readonly<Record<string, (paused: PausedInput<Types>) => unknown>>;

/**
 * Tells of a pause in each of several ways, one after the other, each once: for the hook `onPaused`, which is called again after a
 * crash or a throw. A way that throws is tried again with the hook's next call, and the others are not. A pause that is decided
 * meanwhile is told in no further way. The marks are in the record's metadata, under `pauseTold`.
 *
 * @param ways at most 16, each under a name of 1 to 64 characters that stays the same
 * @throws what the ways threw, once all of them have been tried · GenerationJobError `invalid_argument`; what `annotate` throws,
 *   before anything was told where there is no room for the marks
 * @example
 * const hooks: Hooks = {
 *   onPaused: (paused) => tellOnce(manager, paused, { mail: sendMail, push: ({ action }) => sendPush(action) }),
 * };
 */
export function tellOnce<Types extends HostTypes = Untyped>(
  manager: GenerationJobManager<Types>,
  paused: PausedInput<Types>,
  ways: Ways<Types>,
): Promise<void> {
  return handOut(internalsOf(manager), 'tellOnce', async () => {
    parseStrictly('invalid_argument', waysSchema, { ways });
    await tellEach(manager, paused, ways);
  });
}

async function tellEach<Types extends HostTypes>(
  manager: GenerationJobManager<Types>,
  paused: PausedInput<Types>,
  ways: Ways<Types>,
): Promise<void> {
  const { record, action, signal } = paused;
  const { streamId, tenantId, generation } = record;
  const told = toldIn(record.metadata, action.actionId);
  const marks = new Map(Object.keys(ways).map((name) => [name, told.has(name)]));
  const keep = () => {
    const metadata = { [MARKS_KEY]: { actionId: action.actionId, told: Object.fromEntries(marks) } };
    return manager.annotate(streamId, { tenantId, generation, metadata } as unknown as AnnotateInput<Types>);
  };
  const open = Object.entries(ways).filter(([name]) => marks.get(name) === false);
  // What can't be marked later must not be told: this takes the room that the marks need.
  if (open.length > 0) await keep();
  const failures: unknown[] = [];
  for (const [name, tell] of open) {
    if (signal.aborted) return;
    try {
      await tell(paused);
    } catch (error) {
      failures.push(error);
      continue;
    }
    marks.set(name, true);
    await keep();
  }
  if (failures.length > 1) throw new AggregateError(failures, 'Some ways to tell of a pause failed.');
  if (failures.length > 0) throw failures[0];
}

/** Reads the names of the ways in which a pause has been told. */
function toldIn(metadata: object, actionId: string): ReadonlySet<string> {
  const kept: unknown = (metadata as Readonly<Record<string, unknown>>)[MARKS_KEY];
  if (!isObject(kept) || kept.actionId !== actionId || !isObject(kept.told)) return new Set();
  return new Set(Object.entries(kept.told).flatMap(([name, isTold]) => (isTold === true ? name : [])));
}
