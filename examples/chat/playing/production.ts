/**
 * Turns what a model sends into an answer, event by event. An answer that was begun by another producer is gone on with:
 * what it has already is counted, not emitted again.
 */
import type { GenerationJob, HostEvent, Usage } from 'generation-jobs';
import { visibleText } from '../page/content/chat-content.js';
import { providerUsage } from './provider-usage.js';

/** What `completed` carries as `final`. */
export interface Answer {
  readonly text: string;
  readonly usage: Usage;
}

/**
 * @param earlier the events the answer has already
 * @param recorded the usage the job's record has already: a producer may have died between an event and its usage
 */
export async function produce(
  job: GenerationJob,
  source: AsyncIterable<HostEvent>,
  { earlier = [], recorded = {} }: { earlier?: readonly HostEvent[]; recorded?: Usage } = {},
): Promise<Answer> {
  let text = '';
  const usage: Record<string, number> = {};
  const count = (event: HostEvent) => {
    text += visibleText(event);
    const spent = event.event === 'provider' ? providerUsage(event.data) : undefined;
    for (const [name, tokens] of Object.entries(spent ?? {})) usage[name] = (usage[name] ?? 0) + tokens;
    return spent;
  };
  for (const event of earlier) count(event);
  const missing = Object.entries(usage).map(
    ([name, tokens]) => [name, tokens - (recorded[name] ?? 0)] as const,
  );
  if (missing.some(([, tokens]) => tokens > 0)) await job.addUsage(Object.fromEntries(missing));
  for await (const event of source) {
    // What the user has said meanwhile takes effect between two paragraphs. What makes this answer can't heed it: it is shown.
    if (visibleText(event).includes('\n') && job.inbox.waiting > 0) await job.inbox.take();
    await job.emit(event);
    const spent = count(event);
    if (spent) await job.addUsage(spent);
  }
  return { text, usage };
}
