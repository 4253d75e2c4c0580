/** What a page needs to have its browser told: the server's key, and a place for what the browser gives. */
import express, { Router } from 'express';
import { z } from 'zod';
import type { Pushing } from '../telling/pushing.js';
import { jsonOnly, sameOriginOnly, withIdentity } from './replies.js';

const MOST_BODY_BYTES = 4 * 1024;
/** Bytes in base64url: a point of the curve, and a secret. */
const base64url = (bytes: number) =>
  z.base64url().refine((text) => Buffer.from(text, 'base64url').length === bytes, `must be ${bytes} bytes`);
const subscriptionBody = z.object({
  endpoint: z.url({ protocol: /^https$/ }).max(1024),
  keys: z.object({ p256dh: base64url(65), auth: base64url(16) }),
});

export function pushRoutes(pushing: Pushing): Router {
  const router = Router();
  router.get('/key', (_request, response) => {
    response.set('cache-control', 'no-store').json({ publicKey: pushing.publicKey });
  });
  router.post(
    '/',
    sameOriginOnly,
    jsonOnly,
    express.json({ limit: MOST_BODY_BYTES, inflate: false }),
    withIdentity(async (owner, request, response) => {
      if (await pushing.add(owner, subscriptionBody.parse(request.body))) return response.status(204).end();
      const message = 'endpoint: is none of a push service that is known here';
      return response.status(400).json({ error: { code: 'invalid_body', message } });
    }),
  );
  return router;
}
