/** The routes for decision links go by these options. */
import { z } from 'zod';
import { HOUR, KIB, MIB, SECOND } from '../clock.js';
import type { OnResume } from '../http/route-options.js';
import type { HostTypes, Untyped } from '../stream/model/host-types.js';
import { requiredFunction } from '../stream/model/host-values.js';
import { parseStrictly } from '../stream/model/strict.js';
import { DecisionLinks } from './decision-links.js';
import type { LinkShows } from './shown-action.js';

/** Options of `createDecisionRouter`. */
export interface DecisionRouterOptions<HostRequest, Types extends HostTypes = Untyped> {
  /** The links that are taken: those of `createDecisionLinks`. There is no default. */
  readonly links: DecisionLinks;
  /** Goes on with a run after a decision, as in `createStreamRouter`: the same function. There is no default. */
  readonly onResume: OnResume<HostRequest, Types>;
  /**
   * Sets how much of an action a link shows: `all` that the action shows, or the `names` of its tools and its questions alone, where
   * arguments are not for whoever reads the mail. It holds for what was decided, too. Default `all`.
   */
  readonly shows?: LinkShows | undefined;
  /** The body of a request (bytes). 1 KiB to 1 MiB; default 16 KiB. */
  readonly bodyBytes?: number | undefined;
  /** Sets how long the body of a request is waited for (ms). 10 ms to 1 h; default 30 s. */
  readonly bodyMs?: number | undefined;
  /** Requests with one link that a replica takes each second, on average; twice as many at once. 1 to 1,000; default 5. */
  readonly requestsPerSecond?: number | undefined;
}

/** Options of `createDecisionHandler`. */
export interface DecisionHandlerOptions<Types extends HostTypes = Untyped>
  extends DecisionRouterOptions<Request, Types> {
  /** The path the route is mounted at: it begins with `/` and does not end with it. Default: the root. */
  readonly basePath?: string | undefined;
}

const settingsSchema = z.strictObject({
  links: z.instanceof(DecisionLinks, { error: 'must be what createDecisionLinks gives' }),
  onResume: requiredFunction,
  shows: z.enum(['all', 'names']).default('all'),
  bodyBytes: z
    .number()
    .int()
    .min(KIB)
    .max(MIB)
    .default(16 * KIB),
  bodyMs: z
    .number()
    .int()
    .min(10)
    .max(HOUR)
    .default(30 * SECOND),
  requestsPerSecond: z.number().int().min(1).max(1000).default(5),
});
const handlerSchema = settingsSchema.extend({
  basePath: z
    .string()
    .refine(
      (path) => path === '' || (path.startsWith('/') && !path.endsWith('/')),
      'must begin with / and not end with it',
    )
    .default(''),
});

export type DecisionSettings = Omit<z.output<typeof settingsSchema>, 'onResume'> & {
  /** The host's, with a request of the kind its router has. */
  readonly onResume: OnResume<unknown>;
};

/** @throws GenerationJobError `invalid_options` naming each option that is missing, unknown or out of bounds */
export function parseDecisionRouterOptions<HostRequest, Types extends HostTypes>(
  given: DecisionRouterOptions<HostRequest, Types>,
): DecisionSettings {
  const settings = parseStrictly('invalid_options', settingsSchema, given ?? {}, 'options');
  return { ...settings, onResume: given.onResume as unknown as OnResume<unknown> };
}

/** @throws as `parseDecisionRouterOptions` */
export function parseDecisionHandlerOptions<Types extends HostTypes>(
  given: DecisionHandlerOptions<Types>,
): DecisionSettings & { readonly basePath: string } {
  const settings = parseStrictly('invalid_options', handlerSchema, given ?? {}, 'options');
  return { ...settings, onResume: given.onResume as unknown as OnResume<unknown> };
}
