/** Messages to the generation that works: sent, changed and cancelled while they wait, claimed when they never took effect. */
import { z } from 'zod';
import type { GenerationJobManager } from '../stream/interfaces/generation-job-manager.js';
import { type Internals, internalsOf } from '../stream/process/internals.js';
import { identify } from './caller.js';
import type { BodyLimits } from './json-body.js';
import { jsonReply } from './replies.js';
import type { Reply, RouteRequest } from './route-types.js';
import { readStreamBody } from './stream-body.js';

export const MESSAGE_ROUTES = ['messages', 'messages/edit', 'messages/cancel', 'messages/claim'] as const;
export type MessageRoute = (typeof MESSAGE_ROUTES)[number];

const place = {
  streamId: z.string(),
  generation: z.number().int().positive().max(Number.MAX_SAFE_INTEGER).optional(),
};
const message = z.unknown().refine((value) => value !== undefined);
const named = { ...place, messageId: z.string() };

const bodies = {
  messages: z.strictObject({
    ...place,
    message,
    kind: z.string().optional(),
    idempotencyKey: z.string().optional(),
  }),
  'messages/edit': z.strictObject({ ...named, message }),
  'messages/cancel': z.strictObject(named),
  'messages/claim': z.strictObject({ ...place, claimId: z.string().optional() }),
} as const satisfies Record<MessageRoute, z.ZodType>;

export class MessageRoutes {
  readonly #manager: GenerationJobManager;
  readonly #internals: Internals;
  readonly #bodyLimits: BodyLimits;

  constructor(manager: GenerationJobManager, bodyLimits: BodyLimits) {
    this.#manager = manager;
    this.#internals = internalsOf(manager);
    this.#bodyLimits = bodyLimits;
  }

  /** Answers one of its routes. @throws what `manager.inbox` throws, and what a request is refused for */
  async answer(route: MessageRoute, request: RouteRequest): Promise<Reply> {
    const caller = await identify(request, this.#internals);
    const { inbox } = this.#manager;
    switch (route) {
      case 'messages': {
        const { streamId, ...input } = await readStreamBody(request, this.#bodyLimits, bodies.messages);
        const sent = await inbox.send(streamId, { ...input, ...caller, by: caller.userId });
        return jsonReply(202, { streamId, ...sent });
      }
      case 'messages/edit': {
        const { streamId, ...input } = await readStreamBody(
          request,
          this.#bodyLimits,
          bodies['messages/edit'],
        );
        await inbox.edit(streamId, { ...input, ...caller });
        return jsonReply(200, { streamId, messageId: input.messageId, edited: true });
      }
      case 'messages/cancel': {
        const { streamId, ...input } = await readStreamBody(
          request,
          this.#bodyLimits,
          bodies['messages/cancel'],
        );
        await inbox.cancel(streamId, { ...input, ...caller });
        return jsonReply(200, { streamId, messageId: input.messageId, cancelled: true });
      }
      case 'messages/claim': {
        const { streamId, ...input } = await readStreamBody(
          request,
          this.#bodyLimits,
          bodies['messages/claim'],
        );
        const messages = await inbox.claim(streamId, { ...input, ...caller });
        return jsonReply(200, { streamId, messages });
      }
      default:
        return route satisfies never;
    }
  }
}
