/** The options of an answer for a page, checked where they come in. */
import { z } from 'zod';
import { MINUTE, SECOND } from '../clock.js';
import { having } from '../stream/model/host-values.js';
import { parseStrictly } from '../stream/model/strict.js';
import type { Dialect } from './chunk-writer.js';
import type { UIVersion } from './ui-chunk.js';

export interface UIStreamOptions {
  /**
   * The line of the AI SDK that the page uses. 6 sends only what both lines know; 7 also decisions on approvals, custom
   * parts, files of a reasoning, and steps that are taken back. Default 6.
   */
  readonly version?: UIVersion | undefined;
  /** The message's id where neither the job nor its content names one: 1 to 256 characters. Default: the page makes one. */
  readonly messageId?: string | undefined;
  /** Shows the host's events that are no `ui` events as transient `data-<name>` parts, to the page's `onData`. Default false. */
  readonly showEvents?: boolean | undefined;
  /** Tells the cursor of what was sent, as transient `data-cursor` parts, to the page's `onData`. Default false. */
  readonly cursors?: boolean | undefined;
  /** A comment keeps the connection alive when nothing else was sent for so long, in milliseconds: 1,000 to 600,000. Default 15,000. */
  readonly keepAliveMs?: number | undefined;
  /** More headers of the response. Default: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface UIResponseOptions extends UIStreamOptions {
  /** The request's signal: some servers tell of a page that left only there. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

const schema = z.strictObject({
  version: z.union([z.literal(6), z.literal(7)]).default(6),
  messageId: z.string().min(1).max(256).optional(),
  showEvents: z.boolean().default(false),
  cursors: z.boolean().default(false),
  keepAliveMs: z
    .number()
    .min(SECOND)
    .max(10 * MINUTE)
    .default(15 * SECOND),
  headers: z.record(z.string(), z.string()).default({}),
  signal: having('an AbortSignal', 'addEventListener', 'removeEventListener').optional(),
} satisfies Record<keyof Required<UIResponseOptions>, z.ZodType>);

/** @throws GenerationJobError `invalid_options` naming each key and value that is not known */
export function parseStreamOptions(given: UIResponseOptions): z.output<typeof schema> {
  return parseStrictly('invalid_options', schema, given, 'options');
}

export function dialectOf(
  { version, showEvents, cursors }: Pick<Dialect, 'version' | 'showEvents' | 'cursors'>,
  isContinuation = false,
): Dialect {
  return { version, showEvents, cursors, isContinuation };
}
