/**
 * Decision links: signed rights to decide one action, once, without a session. A link names all that it is for (stream, generation,
 * action, the digest of what was shown, the person, what may be decided, until when), and nobody keeps a list of them: an action is
 * decided once, whoever decides it, and a decision made on anything else than what waits is refused.
 */
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { type Clock, SECOND, systemClock, systemEntropy } from '../clock.js';
import { GenerationJobError } from '../errors.js';
import { fingerprintOf } from '../stream/model/fingerprint.js';
import { clockSchema } from '../stream/model/host-values.js';
import { isIdText, streamKey, userKey } from '../stream/model/stream-key.js';
import { parseStrictly } from '../stream/model/strict.js';
import type { JobRecord, PublicAction } from '../stream/model/types.js';
import { handOut, NO_MANAGER } from '../stream/process/handed-out.js';
import { checkTokenKeys, loadTokenKeys, signingKey, type TokenKeys } from '../tokens/token-keys.js';
import { LINK_DECISIONS, type LinkAnswer, type LinkDecision, type LinkScope, scopeOf } from './link-scope.js';

const DEFAULT_ISSUER = 'generation-jobs';
const DEFAULT_AUDIENCE = 'generation-jobs/decision';
/** Tells these tokens from any other that the same keys have signed (RFC 8725, section 3.11). */
const TOKEN_TYPE = 'decision-link+jwt';
/** No token of ours is as long; a longer text is refused unread. */
const LONGEST_TOKEN = 8192;
const LONGEST_URL = 1024;
/** Clocks of replicas differ by so much at most. */
const SKEW_S = 5;

/** Options of `createDecisionLinks`. */
export interface DecisionLinksOptions {
  /** The keys, newest first: the first signs, all of them verify. Every replica needs the same. There is no default. */
  readonly keys: TokenKeys;
  /**
   * The address of the decision route as people reach it, such as `https://chat.example.com/api/chat/decide`: http or https, without
   * query, at most 1,024 characters. There is no default.
   */
  readonly url: string;
  /** Names who signs: 1 to 256 characters. Default `generation-jobs`. */
  readonly issuer?: string | undefined;
  /** Names what the links are for: 1 to 256 characters. Default `generation-jobs/decision`. */
  readonly audience?: string | undefined;
  /** Time, for tests. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** A link is made for this. */
export interface DecisionLinkInput {
  /** The generation that waits: the `record` of `onPaused`. */
  readonly record: Pick<JobRecord, 'streamId' | 'tenantId' | 'generation'>;
  /** The action it waits for: the `action` of `onPaused`, or of `approvals.peek`, which has no fingerprint. */
  readonly action: PublicAction & { readonly fingerprint?: string | undefined };
  /** The person who may decide, as `by` will name them: 1 to 256 characters. */
  readonly user: string;
  /** The decision for all requests. Default: whoever follows the link chooses among those that all requests allow. */
  readonly decision?: LinkDecision | undefined;
  /** Fixed options for each question of the action, which needs them. Default: none. */
  readonly answers?: readonly LinkAnswer[] | undefined;
  /** Wall time after which the link is worth nothing, in milliseconds since 1970. Default, and at most: when the action expires. */
  readonly expiresAt?: number | undefined;
}

/** A link as it was made. It is a secret until it has been used. */
export interface DecisionLink {
  /** The address to send: it shows what would be decided, and a form that decides. */
  readonly url: string;
  /** The token alone, for a program that posts it. */
  readonly token: string;
  /** Names the token: no secret, and fit for a log. */
  readonly tokenId: string;
  /** Wall time at which it expires, in milliseconds since 1970. */
  readonly expiresAt: number;
}

/** The contents of a token that was verified. */
export interface VerifiedLink extends LinkScope {
  readonly tokenId: string;
  readonly tenantId?: string | undefined;
  readonly streamId: string;
  readonly generation: number;
  readonly actionId: string;
  readonly payloadDigest: string;
  /** The digest of the action's fingerprint, when it has one. */
  readonly fingerprint?: string | undefined;
  /** The person. */
  readonly user: string;
  /** Wall time, milliseconds since 1970. */
  readonly expiresAt: number;
}

const text = (most: number) =>
  z.string().refine((given) => isIdText(given, most), `must have 1 to ${most} well-formed characters`);
const count = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
const decision = z.enum(LINK_DECISIONS);
const optionsSchema = z.strictObject({
  keys: z.unknown(),
  url: z.string().max(LONGEST_URL).refine(isAddress, 'must be an address of http or https without a query'),
  issuer: text(256).default(DEFAULT_ISSUER),
  audience: text(256).default(DEFAULT_AUDIENCE),
  clock: clockSchema.optional(),
});
const inputSchema = z.strictObject({
  record: z.looseObject({ streamId: z.string(), tenantId: z.string().optional(), generation: count }),
  action: z.looseObject({
    actionId: text(256),
    payloadDigest: text(256),
    requests: z.array(z.looseObject({ id: z.string(), allowedDecisions: z.array(z.string()) })),
    questions: z.array(
      z.looseObject({ id: z.string(), options: z.array(z.looseObject({ value: z.string() })) }),
    ),
    expiresAt: z.number(),
    fingerprint: z.string().optional(),
  }),
  user: text(256),
  decision: decision.optional(),
  answers: z.array(z.strictObject({ id: z.string(), selected: z.array(z.string()) })).optional(),
  expiresAt: z.number().positive().optional(),
});
const claimsSchema = z.object({
  jti: text(64),
  sub: z.string(),
  exp: z.number(),
  tenant: z.string().optional(),
  stream: z.string(),
  generation: count,
  action: text(256),
  digest: text(256),
  fingerprint: text(64).optional(),
  decisions: z.array(decision).max(LINK_DECISIONS.length),
  answers: z.array(z.array(z.number().int().min(0)).min(1)),
});

type Settings = z.output<typeof optionsSchema> & { readonly keys: TokenKeys };

let settingsOf: (links: DecisionLinks) => Settings;

/** Makes links that decide. Made by `createDecisionLinks`; the routes verify by the same. */
export class DecisionLinks {
  static {
    settingsOf = (links) => links.#settings;
  }

  readonly #settings: Settings;
  readonly #clock: Clock;

  constructor(options: DecisionLinksOptions) {
    const parsed = parseStrictly('invalid_options', optionsSchema, options, 'options');
    const { keys, clock = systemClock } = options;
    checkTokenKeys(keys);
    this.#settings = { ...parsed, keys };
    this.#clock = clock;
  }

  /**
   * Makes a link that lets one person decide one action, once. It decides all requests alike, and questions by fixed options.
   *
   * @throws GenerationJobError `decision_not_linkable` where that can't be: not every request allows the decision, or a question is
   *   answered in words; `action_expired`; `invalid_argument`, `invalid_stream_id`; `invalid_options` when no key can sign
   * @example
   * const { url } = await links.createDecisionLink({ record, action, user: record.userId });
   */
  createDecisionLink(input: DecisionLinkInput): Promise<DecisionLink> {
    return handOut(NO_MANAGER, 'createDecisionLink', () => this.#make(input));
  }

  async #make(input: DecisionLinkInput): Promise<DecisionLink> {
    parseStrictly('invalid_argument', inputSchema, input, 'input');
    const { record, action, user, answers, expiresAt = action.expiresAt } = input;
    streamKey(record.streamId, record.tenantId);
    const now = this.#clock.now();
    if (action.expiresAt <= now) throw new GenerationJobError('action_expired', 'The action has expired.');
    if (expiresAt <= now) throw new GenerationJobError('invalid_argument', 'expiresAt: is over already.');
    const { issuer, audience, url, keys } = this.#settings;
    const { id, algorithm, signing } = await signingKey(keys);
    const tokenId = systemEntropy.id();
    const until = Math.ceil(Math.min(expiresAt, action.expiresAt) / SECOND);
    const token = await new SignJWT({
      tenant: record.tenantId,
      stream: record.streamId,
      generation: record.generation,
      action: action.actionId,
      digest: action.payloadDigest,
      fingerprint: digestOfFingerprint(action.fingerprint),
      ...scopeOf(action, input.decision, answers),
    })
      .setProtectedHeader({ alg: algorithm, kid: id, typ: TOKEN_TYPE })
      .setJti(tokenId)
      .setSubject(user)
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt(Math.floor(now / SECOND))
      .setExpirationTime(until)
      .sign(signing);
    return { url: `${new URL(url)}?token=${token}`, token, tokenId, expiresAt: until * SECOND };
  }
}

/**
 * Makes what makes decision links, and what the routes verify them by.
 * @throws GenerationJobError `invalid_options`
 * @example
 * const links = createDecisionLinks({ keys, url: 'https://chat.example.com/api/chat/decide' });
 */
export function createDecisionLinks(options: DecisionLinksOptions): DecisionLinks {
  return new DecisionLinks(options);
}

/** A digest of a fingerprint: the token is in the hands of others, and a fingerprint stays on the server. */
export function digestOfFingerprint(fingerprint: string | undefined): string | undefined {
  return fingerprint === undefined ? undefined : fingerprintOf(['decision-link', fingerprint]);
}

/**
 * Verifies a token as at a wall time in milliseconds since 1970: its key, algorithm, kind, issuer, audience, expiry and shape.
 * @throws GenerationJobError `link_expired` for one that was valid; `link_invalid` for everything else, whatever is wrong with it
 */
export async function verifiedAt(links: DecisionLinks, now: number, token: string): Promise<VerifiedLink> {
  const { keys, issuer, audience } = settingsOf(links);
  const loaded = await loadTokenKeys(keys);
  if (token.length > LONGEST_TOKEN) throw invalid();
  try {
    const { payload } = await jwtVerify(
      token,
      ({ kid, alg }) => {
        const found = loaded.find((one) => one.id === kid && one.algorithm === alg);
        if (found === undefined) throw invalid();
        return found.verifying;
      },
      {
        ...{ issuer, audience, typ: TOKEN_TYPE, clockTolerance: SKEW_S, currentDate: new Date(now) },
        requiredClaims: ['exp', 'iat', 'jti', 'sub'],
      },
    );
    return linkOf(payload);
  } catch (cause) {
    if (cause instanceof errors.JWTExpired)
      throw new GenerationJobError('link_expired', 'The decision link has expired.');
    throw invalid();
  }
}

/** @throws what is wrong with the claims */
function linkOf(payload: JWTPayload): VerifiedLink {
  const { jti, sub, exp, tenant, stream, action, digest, ...rest } = claimsSchema.parse(payload);
  streamKey(stream, tenant);
  userKey(sub, tenant);
  const place = { tenantId: tenant, streamId: stream, actionId: action, payloadDigest: digest };
  return { ...rest, ...place, tokenId: jti, user: sub, expiresAt: exp * SECOND };
}

function isAddress(url: string): boolean {
  if (!URL.canParse(url) || url.includes('?') || url.includes('#')) return false;
  const { protocol, username } = new URL(url);
  return (protocol === 'https:' || protocol === 'http:') && username === '';
}

/** Says nothing of the token, which is a secret, nor of what is wrong with it. */
function invalid(): GenerationJobError {
  return new GenerationJobError('link_invalid', 'The decision link is not valid.');
}
