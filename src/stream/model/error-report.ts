/** The shape of what the hook `onError` is told. */

/** The places an error comes from, and what the log calls each. The text is constant: what varies is in the fields. */
export const ERROR_MESSAGES = {
  producer: 'a producer failed',
  contentModel: 'a content model failed',
  unknownModel: 'content is missing: this replica was not given the content model',
  clock: 'the store’s clock jumped',
  describeEnd: 'a hook failed',
  final: 'a final message was left out of an end',
  settle: 'a settlement failed',
  recover: 'a hook failed',
  recoverMode: 'a hook failed',
  beforeResolve: 'a hook failed',
  onFollowersGone: 'a hook failed',
  onDeleted: 'a hook failed',
  onPaused: 'a hook failed',
  onProgress: 'a hook failed',
  publicMetadata: 'a hook failed',
  onError: 'a hook failed',
  onReadable: 'a reader failed',
  observer: 'an observer failed',
  logger: 'a logger failed',
  actionType: 'a hook failed',
  authorize: 'request failed',
  route: 'request failed',
  agent: 'an agent failed',
  emit: 'an event was not taken',
  rules: 'a rule could not be given or used',
  source: 'a piped source did not close',
  unawaited: 'a call failed that nobody awaited',
  log: 'a log has lost events',
  lease: 'a lease was not renewed',
  sweep: 'a sweep failed',
  upkeep: 'upkeep of a stream failed',
  receipt: 'what a call has come to was not written',
  store: 'a service has trouble',
  transport: 'a service has trouble',
  background: 'background work failed',
} as const;

/** The place an error came from: a hook by its name, or a part of the library. */
export type ErrorPlace = keyof typeof ERROR_MESSAGES;

/** The generation an error concerns, as far as it is known; nothing else of its record. */
export interface ErrorSubject {
  /** The stream. */
  readonly streamId: string;
  /** The tenant it lives in, when it has one. */
  readonly tenantId?: string | undefined;
  /** The generation, when it concerns one. */
  readonly generation?: number | undefined;
  /** The attempt, when it concerns one. */
  readonly attempt?: number | undefined;
}

/** `onError` is told this. */
export interface ErrorReport {
  /** Holds what failed. */
  readonly where: ErrorPlace;
  /** The error as it was thrown: its text may hold what clients and logs must not see. */
  readonly error: unknown;
  /** Says which job it concerns, when it concerns one. */
  readonly record?: ErrorSubject | undefined;
  /** More about the place: the route, the number of tries. */
  readonly details?: Readonly<Record<string, string | number>> | undefined;
}
