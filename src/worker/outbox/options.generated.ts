export interface OutboxSettings {
  readonly maxRows?: number | undefined;
  readonly maxBytes?: number | undefined;
  readonly reportTries?: number | undefined;
  readonly retryMs?: number | undefined;
  readonly longestRetryMs?: number | undefined;
  readonly pollMs?: number | undefined;
  readonly deliveryMs?: number | undefined;
  readonly batchItems?: number | undefined;
  readonly batchBytes?: number | undefined;
}
