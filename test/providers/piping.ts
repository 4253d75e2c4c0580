/** A job whose answer is piped from a source, and everything that is to be known of it when it is over. */
import {
  type AttemptEnd,
  type ContentModel,
  createStreamServices,
  type ErrorReport,
  GenerationJobManager,
  type PipeSource,
  type PipeStep,
  type ResumeState,
} from 'generation-jobs';
import { anthropicContent } from '../../src/content/anthropic.js';
import { chatCompletionsContent } from '../../src/content/chat-completions.js';
import { responsesContent } from '../../src/content/responses.js';
import { textContent } from '../../src/content/text.js';

export interface Piped {
  readonly end: AttemptEnd;
  /** The names and data of the host's events. */
  readonly events: readonly { readonly event: string; readonly data: unknown }[];
  readonly state: ResumeState;
  /** What the host was told of by `onError`. */
  readonly reports: readonly ErrorReport[];
}

export interface PipingInput {
  readonly contentModel?: string;
  readonly merge?: boolean;
  /** Called with the number of events that are there by then, and with 0 before the first; what it does is done before the next one is asked for. */
  readonly onEvent?: (count: number, manager: GenerationJobManager) => Promise<unknown> | undefined;
}

export async function piped(
  source: PipeSource<PipeStep>,
  { contentModel, merge = false, onEvent }: PipingInput = {},
): Promise<Piped> {
  const reports: ErrorReport[] = [];
  const models = [chatCompletionsContent(), responsesContent(), anthropicContent(), textContent()];
  const manager = new GenerationJobManager({
    ...createStreamServices(),
    contentModels: models as ContentModel<never>[],
    hooks: { onError: (report) => void reports.push(report) },
  });
  try {
    const created = await manager.createJob({ streamId: 's', userId: 'ann', contentModel, merge });
    if (!created.started) throw new Error('not started');
    const events: { event: string; data: unknown }[] = [];
    const following = (async () => {
      for await (const { event, data } of manager.subscribe('s')) {
        if (['completed', 'failed', 'aborted'].includes(event)) continue;
        if (event !== 'created') events.push({ event, data });
        await onEvent?.(events.length, manager);
      }
    })();
    const end = await created.job.run((job) => job.pipe(source));
    await following;
    const state = await manager.getResumeState('s');
    if (state === null) throw new Error('nothing is kept');
    return { end, events, state, reports };
  } finally {
    await manager.close();
  }
}
