/**
 * Run tokens: what lets a worker act for one attempt of one run, and for nothing else. Whose run it is stands in the token and is
 * read from nowhere else. A token is signed by the host and renewed by any gateway that has its keys; nobody keeps a list of them,
 * since the attempt that it names is over when the store says so.
 */
import { errors, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { HOUR, MINUTE, SECOND, systemClock } from '../../clock.js';
import { GenerationJobError } from '../../errors.js';
import type { GenerationJob } from '../../stream/interfaces/generation-job.js';
import type { HostTypes, Untyped } from '../../stream/model/host-types.js';
import { isIdText, streamKey, userKey } from '../../stream/model/stream-key.js';
import { parseStrictly } from '../../stream/model/strict.js';
import type { JobRecord } from '../../stream/model/types.js';
import { handOut, NO_MANAGER } from '../../stream/process/handed-out.js';
import { internalsOfJob } from '../../stream/process/internals.js';
import { WORKER } from '../../stream/producing/remote-attempts.js';
import { loadTokenKeys, signingKey, type TokenKeys } from '../../tokens/token-keys.js';

export const DEFAULT_AUDIENCE = 'generation-jobs/worker';
const TOKEN_MS = 15 * MINUTE;
const LEASE_MS = 2 * MINUTE;
const LONGEST_LEASE_MS = 6 * HOUR;
const LONGEST_TOKEN_MS = 24 * HOUR;
/** No token of ours is as long; a longer text is refused unread. */
const LONGEST_TOKEN = 8192;
/** Clocks of gateways differ by so much at most. */
const SKEW_S = 5;

/** Says on whose behalf, and for what, a worker acts. */
export interface RunClaims {
  /** The tenant, when there is one. */
  readonly tenantId?: string | undefined;
  /** The owner of the stream. */
  readonly userId: string;
  /** The stream. */
  readonly streamId: string;
  /** The generation that the worker works on. */
  readonly generation: number;
  /** The attempt that the worker makes. */
  readonly attempt: number;
  /** The agent that runs, as the host names it. */
  readonly agentId: string;
  /** The conversation, when one was named. */
  readonly conversationId?: string | undefined;
  /** The length of the attempt's lease from each accepted request (ms). */
  readonly leaseMs: number;
  /** The transcript store in use, as the host names it; absent for none. */
  readonly transcripts?: string | undefined;
}

/** A token that was verified. */
export interface VerifiedRun extends RunClaims {
  /** Wall time, milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface IssueRunTokenOptions {
  /** The keys: the first signs. */
  readonly keys: TokenKeys;
  /** Names the agent that will run: 1 to 256 characters. */
  readonly agentId: string;
  /** The audience; default `generation-jobs/worker`. 1 to 256 characters. */
  readonly audience?: string | undefined;
  /** The time the token is good for without renewal, 1 s to 24 h (ms). Default 15 minutes. */
  readonly expiresInMs?: number | undefined;
  /** The time a worker may be silent or out of reach before its run is lost, 1 s to 6 h (ms). Default 2 minutes. */
  readonly workerLeaseMs?: number | undefined;
  /** The conversation, where it is another than the record's. */
  readonly conversationId?: string | undefined;
  /** Names the transcript store that the worker's gateway uses. Default: none. */
  readonly transcripts?: string | undefined;
  /**
   * True hands the attempt to the worker that has paused and waits: it gets its token from `POST /token`. Default false: to
   * whoever is given the token.
   */
  readonly waiting?: boolean | undefined;
}

/** A run as it was handed over. */
export interface IssuedRun {
  /** The token: a secret, for the worker alone. */
  readonly token: string;
  /** The tenant, when there is one. */
  readonly tenantId?: string | undefined;
  /** The stream. */
  readonly streamId: string;
  /** The generation that was handed over. */
  readonly generation: number;
  /** The attempt that is the worker's from now on. */
  readonly attempt: number;
  /** The sequence of the log's last event; the worker's first is the next one. */
  readonly sequence: number;
  /** Wall time at which the token expires, in milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface VerifyRunTokenOptions {
  /** The keys, any of which may have signed it. */
  readonly keys: TokenKeys;
  /** The audience; default `generation-jobs/worker`. */
  readonly audience?: string | undefined;
  /** The time after its expiry at which it is still taken (ms). Default 0. */
  readonly graceMs?: number | undefined;
}

const text = (most: number) =>
  z.string().refine((given) => isIdText(given, most), `must have 1 to ${most} well-formed characters`);
const duration = (least: number, most: number) => z.number().int().min(least).max(most);
const issueSchema = z.strictObject({
  keys: z.unknown(),
  agentId: text(256),
  audience: text(256).default(DEFAULT_AUDIENCE),
  expiresInMs: duration(SECOND, LONGEST_TOKEN_MS).default(TOKEN_MS),
  workerLeaseMs: duration(SECOND, LONGEST_LEASE_MS).default(LEASE_MS),
  conversationId: text(1024).optional(),
  transcripts: text(128).optional(),
  waiting: z.boolean().default(false),
});
const verifySchema = z.strictObject({
  keys: z.unknown(),
  audience: text(256).default(DEFAULT_AUDIENCE),
  graceMs: duration(0, LONGEST_TOKEN_MS).default(0),
});
const count = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
const claimsSchema = z.object({
  sub: z.string(),
  exp: z.number(),
  tenant: z.string().optional(),
  stream: z.string(),
  generation: count,
  attempt: count,
  agent: text(256),
  conversation: text(1024).optional(),
  lease: duration(SECOND, LONGEST_LEASE_MS),
  transcripts: text(128).optional(),
});

/** The name that an attempt has in its record while a worker has it. */
export function workerName(agentId: string, isWaiting: boolean): string {
  return `${WORKER}${isWaiting ? ':waiting' : ''}/${agentId}`;
}

/**
 * Hands a job over to a worker: commits what the job has taken, gives the attempt a lease of its own that nobody here renews, ends
 * the handle as `handed_over` without ending the generation, and gives the token that lets a worker go on. Emit nothing more.
 *
 * @throws JobEndedError when the job is over · GenerationJobError `invalid_options`; `invalid_argument` for what is no job; what
 *   the store could not do, and then the lease lapses by itself
 * @example
 * const { token } = await issueRunToken(job, { keys, agentId: 'writer' });
 */
export function issueRunToken<Types extends HostTypes = Untyped>(
  job: GenerationJob<Types>,
  options: IssueRunTokenOptions,
): Promise<IssuedRun> {
  return handOut(NO_MANAGER, 'issueRunToken', () => issue(job as unknown as GenerationJob, options));
}

async function issue(job: GenerationJob, options: IssueRunTokenOptions): Promise<IssuedRun> {
  const parsed = parseStrictly('invalid_options', issueSchema, options, 'options');
  const { agentId, workerLeaseMs: leaseMs, transcripts, audience, expiresInMs, waiting } = parsed;
  await signingKey(options.keys); // what can't be signed must not be handed over
  const { remote, clock } = internalsOfJob(job);
  const to = { replicaId: workerName(agentId, waiting), leaseMs };
  const record = await remote.handOver(job, to);
  const claims = claimsOf(record, { agentId, leaseMs, transcripts, conversationId: options.conversationId });
  const { token, expiresAt } = await signRunToken(claims, {
    ...{ keys: options.keys, audience, expiresInMs, now: clock.now() },
  });
  const { tenantId, streamId, generation, attempt, lastSequence: sequence } = record;
  return { token, tenantId, streamId, generation, attempt, sequence, expiresAt };
}

/** The claims on a record's attempt. */
function claimsOf(
  { tenantId, userId, streamId, generation, attempt, conversationId }: JobRecord,
  rest: Pick<RunClaims, 'agentId' | 'leaseMs' | 'transcripts' | 'conversationId'>,
): RunClaims {
  const run = { tenantId, userId, streamId, generation, attempt };
  return { ...run, ...rest, conversationId: rest.conversationId ?? conversationId };
}

interface SigningInput {
  readonly keys: TokenKeys;
  readonly audience: string;
  readonly expiresInMs: number;
  /** Wall time in milliseconds since 1970. */
  readonly now: number;
}

/** Signs a token. @throws GenerationJobError `invalid_options` when no key can sign */
export async function signRunToken(
  {
    userId,
    tenantId,
    streamId,
    generation,
    attempt,
    agentId,
    conversationId,
    leaseMs,
    transcripts,
  }: RunClaims,
  { keys, audience, expiresInMs, now }: SigningInput,
): Promise<{ token: string; expiresAt: number }> {
  const { id, algorithm, signing } = await signingKey(keys);
  const issuedAt = Math.floor(now / SECOND);
  const expiresAt = issuedAt + Math.ceil(expiresInMs / SECOND);
  const run = { tenant: tenantId, stream: streamId, generation, attempt };
  const token = await new SignJWT({
    ...run,
    agent: agentId,
    conversation: conversationId,
    lease: leaseMs,
    transcripts,
  })
    .setProtectedHeader({ alg: algorithm, kid: id, typ: 'JWT' })
    .setSubject(userId)
    .setAudience(audience)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .sign(signing);
  return { token, expiresAt: expiresAt * SECOND };
}

/**
 * Verifies a token: its key, algorithm, audience, expiry and shape. Whether its attempt is still the current one only the store
 * knows.
 * @throws GenerationJobError `token_expired`, `token_invalid`; `invalid_options`
 */
export function verifyRunToken(token: string, options: VerifyRunTokenOptions): Promise<VerifiedRun> {
  return handOut(NO_MANAGER, 'verifyRunToken', () => verifiedAt(systemClock.now(), token, options));
}

/** Verifies a token as at a wall time in milliseconds since 1970. @throws as `verifyRunToken` */
export async function verifiedAt(
  now: number,
  token: string,
  options: VerifyRunTokenOptions,
): Promise<VerifiedRun> {
  const { audience, graceMs } = parseStrictly('invalid_options', verifySchema, options, 'options');
  const loaded = await loadTokenKeys(options.keys);
  if (typeof token !== 'string' || token.length > LONGEST_TOKEN) throw invalid();
  try {
    const { payload } = await jwtVerify(
      token,
      ({ kid, alg }) => {
        const found = loaded.find((one) => one.id === kid && one.algorithm === alg);
        if (found === undefined) throw invalid();
        return found.verifying;
      },
      {
        ...{ audience, clockTolerance: SKEW_S + graceMs / SECOND, requiredClaims: ['exp', 'sub'] },
        currentDate: new Date(now),
      },
    );
    return runOf(payload);
  } catch (cause) {
    if (cause instanceof GenerationJobError) throw cause;
    if (cause instanceof errors.JWTExpired)
      throw new GenerationJobError('token_expired', 'The run token has expired.');
    throw invalid();
  }
}

/** @throws GenerationJobError `token_invalid` */
function runOf(payload: unknown): VerifiedRun {
  const parsed = claimsSchema.safeParse(payload);
  if (!parsed.success) throw invalid();
  const { sub, exp, tenant, stream, generation, attempt, agent, conversation, lease, transcripts } =
    parsed.data;
  try {
    streamKey(stream, tenant);
    userKey(sub, tenant);
  } catch {
    throw invalid();
  }
  const place = { tenantId: tenant, userId: sub, streamId: stream, generation, attempt };
  const rest = { agentId: agent, conversationId: conversation, leaseMs: lease, transcripts };
  return { ...place, ...rest, expiresAt: exp * SECOND };
}

/** Says nothing of the token, which is a secret, nor of what is wrong with it. */
function invalid(): GenerationJobError {
  return new GenerationJobError('token_invalid', 'The run token is not valid.');
}
