/**
 * The ways in which an agent's process fails a job. Several things may tell of one failure: the agent's own words, an exit
 * code, standard error, a missing last line. They are looked at together, once the process is gone, and one is told.
 */
import { JobFailureError } from '../../stream/model/job-failure.js';
import type { AgentEnd } from '../mappers/mapper.js';
import type { ProcessDiagnosis } from './diagnosis.js';

/** The codes that clients are told, beside those that the library itself fails jobs with. */
export const PROCESS_FAILURES = {
  agent_not_found: { message: 'The agent is not installed.', retryable: false },
  agent_not_started: { message: 'The agent could not be started.', retryable: true },
  agent_failed: { message: 'The agent failed.', retryable: true },
  agent_out_of_turns: { message: 'The agent has used all the turns it may take.', retryable: false },
  agent_out_of_budget: { message: 'The agent has used all it may spend.', retryable: false },
  agent_exited: { message: 'The agent ended with an error.', retryable: true },
  agent_killed: { message: 'The agent was ended from outside.', retryable: true },
  agent_no_answer: { message: 'The agent gave no answer.', retryable: true },
  agent_incomplete: { message: 'The agent ended in the middle of its answer.', retryable: true },
  agent_silent: { message: 'The agent did not say anything for too long.', retryable: true },
  agent_lost: { message: 'The agent is gone that had asked.', retryable: true },
} as const;

export type ProcessFailureCode = keyof typeof PROCESS_FAILURES;

/** The cause of a failed job, for the host alone: it has the diagnosis. */
export class AgentProcessError extends Error {
  /** The name of the class, as every error has one. */
  override readonly name = 'AgentProcessError';
  /** The failure that clients were told. */
  readonly code: ProcessFailureCode;
  /** Says what the process and its lines showed. */
  readonly diagnosis: ProcessDiagnosis;

  constructor(
    code: ProcessFailureCode,
    diagnosis: ProcessDiagnosis,
    detail?: string,
    options?: { cause?: unknown },
  ) {
    const { exitCode, signal, stderr } = diagnosis;
    const told = [
      PROCESS_FAILURES[code].message,
      detail,
      exitCode === undefined ? undefined : `Exit code ${exitCode}.`,
      signal === undefined ? undefined : `Ended by ${signal}.`,
      stderr.trim() === '' ? undefined : `Standard error: ${stderr.trim()}`,
    ];
    super(told.filter((text) => text !== undefined).join(' '), options);
    this.code = code;
    this.diagnosis = diagnosis;
  }
}

/** All that is known of a run when its process is gone. */
export interface RunOutcome {
  readonly diagnosis: ProcessDiagnosis;
  /** The reason it did not start. */
  readonly spawnError: NodeJS.ErrnoException | undefined;
  /** The agent's own word. */
  readonly end: AgentEnd | undefined;
  /** Says whether anything of an answer was emitted. */
  readonly hasAnswered: boolean;
  /** The reason for which it was ended from here: its time was over, or it stayed after its last line. */
  readonly stoppedFor: 'silence' | 'lingering' | undefined;
  /** Says whether it went while somebody was asked. */
  readonly wasAsking: boolean;
}

/** Judges a run; undefined when it has ended well. */
export function failureOf(outcome: RunOutcome): JobFailureError | undefined {
  const code = codeOf(outcome);
  if (code === undefined) return undefined;
  const { diagnosis, end, spawnError } = outcome;
  const detail = end?.ok === false ? end.detail : undefined;
  return failed(code, new AgentProcessError(code, diagnosis, detail, { cause: spawnError }));
}

/** The failure of an attempt whose agent is not here, or is gone. */
export function lostAgent(diagnosis: ProcessDiagnosis | undefined): JobFailureError {
  return failed('agent_lost', diagnosis && new AgentProcessError('agent_lost', diagnosis));
}

/** The failure of a process that the system would not even try to start. */
export function notStarted(cause: unknown): JobFailureError {
  return failed('agent_not_started', cause);
}

function failed(code: ProcessFailureCode, cause: unknown): JobFailureError {
  return new JobFailureError({ code, ...PROCESS_FAILURES[code] }, { cause });
}

function codeOf({ diagnosis, spawnError, end, ...run }: RunOutcome): ProcessFailureCode | undefined {
  if (spawnError !== undefined) return spawnError.code === 'ENOENT' ? 'agent_not_found' : 'agent_not_started';
  if (run.wasAsking) return 'agent_lost';
  if (run.stoppedFor === 'silence') return 'agent_silent';
  if (end?.ok === false) return end.code;
  if (run.stoppedFor === undefined) {
    if (diagnosis.signal !== undefined) return 'agent_killed';
    if (diagnosis.exitCode !== 0) return 'agent_exited';
  }
  if (!run.hasAnswered) return 'agent_no_answer';
  return end === undefined ? 'agent_incomplete' : undefined;
}
