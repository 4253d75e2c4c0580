/** Usage is counted in all, and by call. No code. */

/** Token and cost counters by name; adding sums them. */
export type Usage = Readonly<Record<string, number>>;

/** The labels of a call that used something: what it was for, and what answered it. Each 1 to 256 characters. */
export interface UsageLabels {
  /** Says what the call was for, such as `title`. The agent bridge says `model`, `subagent`, `summary` or `title`. */
  readonly kind?: string | undefined;
  /** The model that answered. */
  readonly model?: string | undefined;
  /** The provider that served it. */
  readonly provider?: string | undefined;
  /** The agent that called. */
  readonly agentId?: string | undefined;
}

/**
 * Counters of one call, with its labels. They may nest, as providers report them, and then go by names with dots:
 * `{ details: { cached: 3 } }` counts `details.cached`. Names have at most 128 characters. What is undefined or null is skipped.
 */
export interface UsageInput extends UsageLabels {
  readonly [counter: string]: number | string | object | null | undefined;
}

/** An entry of what a generation has used: one call, or several that are alike. */
export interface UsageEntry extends UsageLabels {
  /** The number of calls it counts: more than 1 once the list was full, and entries of the same labels became one. */
  readonly calls: number;
  /** Their counters. */
  readonly usage: Usage;
}
