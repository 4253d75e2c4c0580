/** The bridge to the agent SDK takes the job and the continuation of any host. */
import type { Continuation, GenerationJob, HostTypes } from 'generation-jobs';
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { addUsage, type CreateRun, createRunHandlers, resumeAgent, runAgent } from 'generation-jobs/agents';
import { type GraphContent, graphContent, textContent } from 'generation-jobs/content';
import type { ChatTypes } from './chat.js';

declare const createRun: CreateRun;

export async function run(
  job: GenerationJob<ChatTypes>,
  continuation: Continuation<ChatTypes>,
): Promise<void> {
  await runAgent(job, createRun, { messages: [] }, { durability: 'exit' });
  await resumeAgent(job, continuation, createRun);
  createRunHandlers(job);
  await addUsage(job, { input_tokens: 1 });
  // @ts-expect-error a misspelt durability
  await runAgent(job, createRun, { messages: [] }, { durability: 'exits' });
}

interface AgentTypes extends HostTypes {
  content: GraphContent;
  metadata: { agentId: string };
}

/** The library's own content models go with types that have their content, whatever the events. */
export const manager = new GenerationJobManager<AgentTypes>({
  ...createStreamServices(),
  contentModels: [graphContent()],
  hooks: {
    recover: (job, continuation) => resumeAgent(job, continuation, createRun),
    settle: ({ content }) => content?.parts.length,
  },
});

interface TextTypes extends HostTypes {
  events: { text: { text: string } };
  content: { text: string };
}
const text = textContent();
export const texts = new GenerationJobManager<TextTypes>({
  ...createStreamServices(),
  contentModels: [text],
});
