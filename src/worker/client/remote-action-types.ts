/**
 * The action types of the host, as a worker has them: what is shown is held to a schema at the gateway, which is asked before
 * the job pauses. One that does not answer now checks it when it takes the pause.
 */
import { type Clock, SECOND, sleep } from '../../clock.js';
import { ERROR_TABLE, type ErrorCode, GenerationJobError } from '../../errors.js';
import type { ActionType } from '../../stream/model/action-types.js';
import { isObject } from '../../stream/model/plain-values.js';
import type { HttpAnswer } from '../outbox/delivery.js';
import type { GatewayLink } from './gateway-link.js';
import { errorIn } from './run-end.js';

/** Less than what a schema may take (`hookMs`). */
const LONGEST_MS = 10 * SECOND;
const FOR_EVER: ReadonlySet<number> = new Set([400, 413, 422]);

export function remoteActionTypes(types: readonly string[], link: GatewayLink, clock: Clock): ActionType[] {
  return types.map((type) => ({
    type,
    payload: {
      '~standard': {
        version: 1,
        vendor: 'generation-jobs',
        validate: async (payload) => {
          const issues = issuesIn(await asked(link, clock, { type, payload }));
          return issues.length > 0 ? { issues } : { value: payload };
        },
      },
    },
  }));
}

/** Asks the gateway; undefined when it gives no answer in time. */
async function asked(link: GatewayLink, clock: Clock, check: object): Promise<HttpAnswer | undefined> {
  const late = new AbortController();
  try {
    const answer = link.send('pause', { check }, late.signal).catch(() => undefined); // as no answer
    return await Promise.race([answer, sleep(clock, LONGEST_MS, late.signal).then(() => undefined)]);
  } finally {
    late.abort();
  }
}

/** @throws GenerationJobError with the gateway's code, when it refuses for good to look at such a payload */
function issuesIn(answer: HttpAnswer | undefined): { readonly message: string; readonly path: string[] }[] {
  if (answer === undefined) return [];
  if (FOR_EVER.has(answer.status)) throw refusalIn(answer);
  const { issues } = isObject(answer.body) ? answer.body : {};
  return (Array.isArray(issues) ? issues : []).filter(isObject).map(({ message, path }) => ({
    message: String(message),
    path: Array.isArray(path) ? path.map(String) : [],
  }));
}

function refusalIn(answer: HttpAnswer): GenerationJobError {
  const { code } = errorIn(answer);
  const known =
    typeof code === 'string' && Object.hasOwn(ERROR_TABLE, code) ? (code as ErrorCode) : undefined;
  return new GenerationJobError(known ?? 'invalid_action', 'The gateway refused what the action shows.');
}
