/**
 * Plays recordings to whoever speaks as `useChat` does: as the events that hold a UI message stream. One of them asks for
 * approval and goes on as was decided. An answer is the same wherever it is played, so whoever goes on with one counts what the
 * log has, and plays the rest.
 */
import {
  type ApprovalDecision,
  fingerprintOf,
  type GenerationJob,
  type HostEvent,
  type JobRecord,
  type Resolution,
} from 'generation-jobs';
import { UI_EVENT } from 'generation-jobs/ai-sdk';
import { DEFAULT_SPEED } from '../playing/making.js';
import { play, untilLeft } from '../playing/playback.js';
import { approvalIn } from '../playing/recorded-scripts.js';
import type { Recording } from '../playing/recordings.js';
import { type Chunk, chunksOf } from './recorded-chunks.js';

export interface Wish {
  readonly recording: string;
  readonly tokensPerSecond: number;
}

/** How far an answer has got: what its record says. */
export type Progress = Pick<JobRecord, 'lastSequence' | 'lifecycleEvents' | 'resolutions'>;

/** Two recordings of one conversation: in the first a tool call waits for approval, the second is what came of it. */
const ASKING = {
  name: 'openai-responses.mcp-approval',
  first: 'openai-responses.mcp-approval.1',
  second: 'openai-responses.mcp-approval.2',
};
/** A chat knows one way to refuse, so nothing is answered in the tool's place. */
const DECISIONS: readonly ApprovalDecision[] = ['approve', 'reject', 'edit'];
const REFUSED = 'The call was not approved, so it was not made.';
export const DEFAULT_WISH: Wish = { recording: 'openai-chat.text', tokensPerSecond: DEFAULT_SPEED };
const NOTHING_YET: Progress = { lastSequence: 0, lifecycleEvents: 0, resolutions: [] };

export class RecordedAnswers {
  readonly #recordings: ReadonlyMap<string, Recording>;

  constructor(recordings: ReadonlyMap<string, Recording>) {
    this.#recordings = recordings;
  }

  /** What can be wished for. */
  get names(): readonly string[] {
    return [...this.#recordings.keys(), ASKING.name].sort();
  }

  /** Plays what is left of the answer, until it asks or is over. */
  async play(job: GenerationJob, wish: Wish, progress: Progress = NOTHING_YET): Promise<void> {
    const { lastSequence, lifecycleEvents, resolutions } = progress;
    const chunks = await this.#chunks(wish.recording, resolutions);
    const events = chunks.map(uiEvent).slice(lastSequence - lifecycleEvents);
    await job.pipe(play(events, wish.tokensPerSecond, untilLeft(job)));
    if (wish.recording !== ASKING.name || resolutions.length > 0) return;
    const request = { ...approvalIn(this.#recording(ASKING.first)), allowedDecisions: DECISIONS };
    await job.pause({ type: 'tool_approval', requests: [request], fingerprint: fingerprintOfRun(wish) });
  }

  async #chunks(name: string, [resolution]: readonly Resolution[]): Promise<readonly Chunk[]> {
    if (name !== ASKING.name) return chunksOf(name, this.#recording(name));
    const asking = await chunksOf(ASKING.first, this.#recording(ASKING.first), { sendFinish: false });
    if (!resolution) return asking;
    const isRefused = resolution.decisions.some(({ decision }) => decision === 'reject');
    const rest = isRefused ? this.#refused() : await chunksOf(ASKING.second, this.#recording(ASKING.second));
    return [...asking, ...rest];
  }

  #refused(): readonly Chunk[] {
    const { id } = approvalIn(this.#recording(ASKING.first));
    return [{ type: 'tool-output-denied', toolCallId: id }, ...saying(REFUSED)];
  }

  #recording(name: string): Recording {
    const recording = this.#recordings.get(name);
    if (!recording) throw new Error(`there is no recording ${name} here`);
    return recording;
  }
}

/** What determines the answer: a decision counts only for a run of the same. */
export function fingerprintOfRun({ recording }: Pick<Wish, 'recording'>): string {
  return fingerprintOf({ ai: recording });
}

/** Pieces that wait become one, unless each says which it is: only then is their number in the log how many were played. */
function uiEvent(chunk: Chunk, index: number): HostEvent {
  return { event: UI_EVENT, data: chunk.type.endsWith('-delta') ? { ...chunk, index } : chunk };
}

function saying(words: string): readonly Chunk[] {
  return [
    { type: 'start-step' },
    { type: 'text-start', id: 'said' },
    { type: 'text-delta', id: 'said', delta: words },
    { type: 'text-end', id: 'said' },
    { type: 'finish-step' },
    { type: 'finish', finishReason: 'stop' },
  ];
}
