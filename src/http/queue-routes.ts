/** Runs that wait for their turn: listed, cancelled, moved, and let go on behind a stop. */
import { z } from 'zod';
import type { GenerationJobManager } from '../stream/interfaces/generation-job-manager.js';
import { type Internals, internalsOf } from '../stream/process/internals.js';
import { identify } from './caller.js';
import type { BodyLimits } from './json-body.js';
import { jsonReply } from './replies.js';
import type { Reply, RouteRequest } from './route-types.js';
import { readStreamBody } from './stream-body.js';

export const QUEUE_CHANGES = ['queue/cancel', 'queue/move', 'queue/resume'] as const;
export type QueueRoute = 'queue' | (typeof QUEUE_CHANGES)[number];

const place = { streamId: z.string() };
const named = { ...place, queueId: z.string() };

const bodies = {
  'queue/cancel': z.strictObject(named),
  'queue/move': z.strictObject({ ...named, position: z.number().int().positive() }),
  'queue/resume': z.strictObject(place),
} as const satisfies Record<(typeof QUEUE_CHANGES)[number], z.ZodType>;

export class QueueRoutes {
  readonly #manager: GenerationJobManager;
  readonly #internals: Internals;
  readonly #bodyLimits: BodyLimits;

  constructor(manager: GenerationJobManager, bodyLimits: BodyLimits) {
    this.#manager = manager;
    this.#internals = internalsOf(manager);
    this.#bodyLimits = bodyLimits;
  }

  /** Lists what waits on a stream. @throws what `manager.queue.list` throws, and what a request is refused for */
  async list(request: RouteRequest, streamId: string): Promise<Reply> {
    const caller = await identify(request, this.#internals);
    return jsonReply(200, { streamId, ...(await this.#manager.queue.list(streamId, caller)) });
  }

  /** Makes one of its changes. @throws what `manager.queue` throws, and what a request is refused for */
  async change(route: (typeof QUEUE_CHANGES)[number], request: RouteRequest): Promise<Reply> {
    const caller = await identify(request, this.#internals);
    const { queue } = this.#manager;
    switch (route) {
      case 'queue/cancel': {
        const { streamId, queueId } = await readStreamBody(request, this.#bodyLimits, bodies['queue/cancel']);
        const run = await queue.cancel(streamId, { queueId, ...caller });
        return jsonReply(200, { streamId, queueId, cancelled: true, run });
      }
      case 'queue/move': {
        const { streamId, ...input } = await readStreamBody(request, this.#bodyLimits, bodies['queue/move']);
        return jsonReply(200, { streamId, ...(await queue.move(streamId, { ...input, ...caller })) });
      }
      case 'queue/resume': {
        const { streamId } = await readStreamBody(request, this.#bodyLimits, bodies['queue/resume']);
        return jsonReply(200, { streamId, resumed: await queue.resume(streamId, caller) });
      }
      default:
        return route satisfies never;
    }
  }
}
