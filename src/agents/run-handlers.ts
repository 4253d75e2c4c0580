/**
 * The SDK's events become job events here, in order. A handler that throws would abort the whole run, so none does: an
 * event the job can't take is remembered, and whoever runs the agent looks at it. A full buffer makes the run wait.
 */
import { isGenerationJobError } from '../errors.js';
import type { GenerationJob } from '../stream/interfaces/generation-job.js';
import type { HostEvent } from '../stream/model/host-types.js';
import { checkHandlersOptions, checkJob } from './agent-options.js';
import { cutToSize } from './cut-event.js';
import { CLIENT_EVENTS, MODEL_END, RUN_STEP_COMPLETED, SUBAGENT_UPDATE } from './graph-events.js';
import type { RunHandlersOptions } from './options.js';
import { fieldOf, type GraphHandler, type GraphHandlers } from './shapes.js';
import { ToldEvents } from './told-events.js';
import { countModelEnd } from './usage.js';

/**
 * Makes handlers for `Run.create({ customHandlers })` that emit what a client can fold, under the SDK's own event names,
 * and add the usage of every model call to the job. The bridge registers no stream handler: the SDK dispatches by itself,
 * and a second one would double every delta.
 *
 * @throws GenerationJobError `invalid_options` naming each key and value that is not known; `invalid_argument` for what is
 *   no job
 */
export function createRunHandlers(job: GenerationJob, options: RunHandlersOptions = {}): GraphHandlers {
  checkJob(job);
  checkHandlersOptions(options);
  let isRefused = false;
  const refuse = (error: unknown) => {
    if (!isRefused && !job.isOver) options.onRefused?.(error);
    isRefused = true;
  };
  const told = new ToldEvents(job, options.toEvent);
  const forward: GraphHandler['handle'] = (name, data, metadata) => {
    if (isRefused || job.isOver) return undefined;
    let event: HostEvent | undefined;
    try {
      tellResult(name, data, options.onToolResult);
      event = told.of(name, data, metadata);
      return event && told.emit(event);
    } catch (error) {
      if (event && isGenerationJobError(error, 'event_too_large')) return emitCut(name, event);
      if (!told.leavesOut(event, error)) refuse(error);
      return undefined;
    }
  };
  /** Tells a part of the event instead of the whole: what has happened in the run has happened, however much it was. */
  const emitCut = async (name: string, event: HostEvent) => {
    try {
      const tell = (error: unknown) => job.report('agent', error);
      const data = await cutToSize(name, event.data, job.eventBytes, options.storeOversized, tell);
      if (!job.isOver) await told.emit({ ...event, data });
    } catch (error) {
      refuse(error);
    }
  };
  const own: Record<string, GraphHandler> = {
    [MODEL_END]: {
      // The run does not wait for it: a stop finds it in the job's books.
      handle: (_event, data, metadata) => void countModelEnd(job, data, metadata),
    },
  };
  for (const name of CLIENT_EVENTS) own[name] = { handle: forward };
  for (const [name, theirs] of Object.entries(options.handlers ?? {})) own[name] = both(own[name], theirs);
  return own;
}

function both(ours: GraphHandler | undefined, theirs: GraphHandler): GraphHandler {
  if (ours === undefined) return theirs;
  return {
    handle: async (...event) => {
      await ours.handle(...event);
      return theirs.handle(...event);
    },
  };
}

/** A sub-agent's events come wrapped in updates of the agent that started it. */
function tellResult(event: string, data: unknown, tell: RunHandlersOptions['onToolResult']): void {
  if (tell === undefined) return;
  const isOwn = event === RUN_STEP_COMPLETED;
  const completed = isOwn ? data : event === SUBAGENT_UPDATE ? fieldOf(data, 'data') : undefined;
  const call = fieldOf(fieldOf(completed, 'result'), 'tool_call');
  const id = fieldOf(call, 'id');
  if (typeof id === 'string') tell({ id, output: fieldOf(call, 'output') });
}
