/**
 * Makes an answer of a job: plays a script from where the answer stands, or asks the live model. It is the same in the
 * server and in its worker, because the job is.
 */
import {
  fingerprintOf,
  type GenerationJob,
  type HostEvent,
  type Resolution,
  type Usage,
} from 'generation-jobs';
import type { StandingDecisions } from 'generation-jobs/rules';
import type { Logger } from 'pino';
import type { Said } from './agent.js';
import { decidedByRule } from './allowed-calls.js';
import type { CommandName } from './commands.js';
import { askOpenAi, type Message, type OpenAiConfig } from './openai.js';
import { play, untilLeft } from './playback.js';
import { type Answer, produce } from './production.js';
import { providerEvent } from './recorded-scripts.js';
import { type Script, stretchesOf } from './scripts.js';

/** What answers, as the job's metadata says it: a script at a speed; without one, an agent or the live model. */
export interface Playback {
  readonly agent?: true;
  /** The agent that is a command. */
  readonly command?: CommandName;
  readonly recording?: string;
  readonly tokensPerSecond?: number;
}

/** How far an answer has got. */
export interface Progress {
  /** Events of its stretches that are in the log. */
  readonly played: number;
  /** The usage that the record has already. */
  readonly recorded: Usage;
  readonly decided: readonly Resolution[];
}

/** All that it takes to go on with an answer, wherever that is done. Plain JSON. */
export interface Work {
  readonly playback: Playback;
  readonly prompt: string;
  /** The turns before it, for a live model. */
  readonly earlier: readonly Said[];
  readonly progress: Progress;
}

export interface MakingContext {
  /** What can be played, by name. */
  readonly scripts: ReadonlyMap<string, Script>;
  /** Without it there is no live model. */
  readonly openAi: OpenAiConfig | undefined;
  /** What is allowed once for all; a worker has none, and asks. */
  readonly rules?: StandingDecisions;
  readonly logger: Logger;
}

/** Recorded events per second: about the pace at which people see models write. */
export const DEFAULT_SPEED = 30;
export const FROM_THE_START: Progress = { played: 0, recorded: {}, decided: [] };

/** The finished answer, or nothing when it has stopped to ask. */
export async function makeAnswer(
  job: GenerationJob,
  { playback, prompt, earlier, progress: { played, recorded, decided } }: Work,
  { scripts, openAi, rules, logger }: MakingContext,
): Promise<Answer | undefined> {
  const { recording: name, tokensPerSecond: eventsPerSecond = DEFAULT_SPEED } = playback;
  try {
    if (name === undefined) {
      if (!openAi) throw new Error('there is no live model here');
      const chunks = askOpenAi(openAi, messagesOf(earlier, prompt), job.signal);
      return await produce(job, liveEvents(chunks));
    }
    const script = scripts.get(name);
    if (!script) throw new Error(`there is no recording ${name} here`);
    for (let [known, done, counted] = [decided, played, recorded]; ; ) {
      const stretches = stretchesOf(script, known);
      const events = stretches.flatMap((stretch) => stretch.events);
      const source = play(events.slice(done), eventsPerSecond, untilLeft(job));
      const answer = await produce(job, source, { earlier: events.slice(0, done), recorded: counted });
      const ask = stretches.at(-1)?.ask;
      if (ask === undefined) return answer;
      const allowed = await decidedByRule(job, ask, rules);
      if (allowed === undefined) {
        await job.pause({ ...ask, fingerprint: fingerprintOf(script.run) });
        return undefined;
      }
      // A producer that takes over asks the rules again, which costs nothing: it is the same call.
      known = [...known, allowed];
      done = Math.max(done, events.length);
      counted = answer.usage;
    }
  } catch (error) {
    if (job.isOver || job.handover.aborted) throw error;
    // What the model said is for the log; the client gets a code it can show.
    const { streamId, generation } = job;
    logger.error({ err: error, streamId, generation }, 'the model failed');
    throw { code: 'model_failed', message: 'The model could not finish the answer.', retryable: true };
  }
}

function messagesOf(earlier: readonly Said[], prompt: string): readonly Message[] {
  const said = earlier.flatMap((turn): Message[] => [
    { role: 'user', content: turn.prompt },
    { role: 'assistant', content: turn.answer },
  ]);
  return [...said.filter(({ content }) => content !== ''), { role: 'user', content: prompt }];
}

async function* liveEvents(chunks: AsyncIterable<unknown>): AsyncGenerator<HostEvent, void, undefined> {
  for await (const chunk of chunks) yield providerEvent(chunk);
}
