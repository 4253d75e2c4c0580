/** Yours: the tools. One with `needsApproval` is called when somebody has allowed it. */
import { tool } from 'ai';
import { z } from 'zod';

export const tools = {
  send_mail: tool({
    description: 'Sends a mail.',
    inputSchema: z.object({ to: z.string(), text: z.string().max(500) }),
    needsApproval: true,
    execute: async ({ to, text }) => `Sent “${text}” to ${to}.`,
  }),
};
