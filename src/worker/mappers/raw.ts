/** Any command: each of its lines is a line of text, and its exit is its end. */
import type { AgentMapper } from './mapper.js';

export const raw: AgentMapper = {
  name: 'raw',
  lines: 'text',
  keepsStdin: false,
  start: () => ({
    read: (line) => ({ events: [{ event: 'text', data: { text: `${String(line)}\n` } }] }),
    close: () => ({ events: [], end: { ok: true } }),
  }),
};
