/** The recorded streams of providers, as their SDKs yield them: one parsed event after the other. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Told = Readonly<Record<string, unknown>> & { readonly type: string };

const FOLDER = join(import.meta.dirname, '..', '..', 'examples', 'chat', 'recordings');

export const CHAT = ['openai-chat.text'];
export const RESPONSES = [
  ...['web-search', 'long', 'mcp-approval.1', 'mcp-approval.2', 'mcp-approval.3', 'mcp-approval.4'],
].map((name) => `openai-responses.${name}`);
/** Four responses, one after the other: the calls of an agent. */
export const SEVERAL_RESPONSES = 'openai-responses.reasoning-tool';
export const ANTHROPIC = ['anthropic.web-search', 'anthropic.code-execution'];

export function recording(name: string): Told[] {
  return readFileSync(join(FOLDER, `${name}.jsonl`), 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line));
}

/** A stream of what was recorded, read anew by each reader. */
export async function* streamOf<Event>(events: readonly Event[]): AsyncGenerator<Event> {
  yield* structuredClone(events) as Event[];
}
