/** The formats that this release can read, and what is said of those it can't. */
import { GenerationJobError } from '../../../errors.js';

/** The newest format that this release reads and writes. */
export const NEWEST_FORMAT = 1;

/** Says whether a later release has written it, or else nobody knows. */
export function isNewer(format: string | number | undefined): boolean {
  return !(Number(format) <= NEWEST_FORMAT);
}

export function newerFormat(what: string, format: string): GenerationJobError {
  return new GenerationJobError(
    'newer_format',
    `${what} is of format ${format}; this release reads up to ${NEWEST_FORMAT}.`,
  );
}

export function unreadable(what: string, format: string | undefined): GenerationJobError {
  if (format !== undefined && Number(format) > NEWEST_FORMAT) return newerFormat(what, format);
  return new GenerationJobError(
    'internal',
    `${what} has format ${format ?? 'none'}, which this release can’t read.`,
  );
}
