/** A lane's name in the file begins with its kind, so runs and reports have names of their own. */
import { GenerationJobError } from '../../errors.js';

export type LaneKind = 'run' | 'report';

/** The longest name of a lane, and the longest key of a report, in characters. */
export const LONGEST_NAME = 512;

/** @throws GenerationJobError `invalid_argument` when the name is empty or longer than 512 characters */
export function laneOf(kind: LaneKind, name: string): string {
  return `${kind}:${checkName('name', name)}`;
}

export function kindOf(lane: string): LaneKind {
  return isRun(lane) ? 'run' : 'report';
}

export function isRun(lane: string): boolean {
  return lane.startsWith('run:');
}

/** The name its opener gave it. */
export function nameOf(lane: string): string {
  return lane.slice(lane.indexOf(':') + 1);
}

/** Returns a text of 1 to 512 characters. @throws GenerationJobError `invalid_argument` naming `what` */
function checkName(what: string, name: unknown): string {
  if (typeof name === 'string' && name.length > 0 && name.length <= LONGEST_NAME) return name;
  throw new GenerationJobError('invalid_argument', `${what}: must have 1 to ${LONGEST_NAME} characters.`);
}
