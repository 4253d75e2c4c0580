/**
 * Tells the host what its server says when it takes no writes, as the server says it: full (OOM), can't save (MISCONF), a
 * copy (READONLY), too few copies (NOREPLICAS). To callers all of these are "no answer", since they pass and what was
 * refused is asked again; without this nobody would learn why nothing is stored. Each is told at first, and then once a
 * minute while it lasts.
 */
import { performance } from 'node:perf_hooks';
import { MINUTE } from '../../../clock.js';
import { GenerationJobError } from '../../../errors.js';
import type { Report } from '../../interfaces/report.js';
import { wordOf } from './word.js';

const REMEDIES: Readonly<Record<string, string>> = {
  OOM: 'Redis is full: give it more memory, or keep less (retention, limits).',
  MISCONF: 'Redis can’t save to its disk and refuses writes: see to its disk and its log.',
  READONLY: 'Redis has become a copy that takes no writes: use Sentinel, Cluster or another address.',
  NOREPLICAS: 'Redis has fewer copies than it needs to take writes (min-replicas-to-write): see to them.',
  CLUSTERDOWN: 'The Redis Cluster is not whole: see to its nodes and slots.',
  MASTERDOWN: 'A Redis copy has lost its primary: see to it.',
  LOADING: 'Redis is still loading its data.',
  BUSY: 'A script of somebody else keeps Redis busy: see to it.',
};

export class RedisTrouble {
  readonly #reports = new Set<Report>();
  /** The time each word was told last, on the monotonic clock. */
  readonly #toldAt = new Map<string, number>();

  /** Tells `report` of what comes from now on. */
  tell(report: Report): void {
    this.#reports.add(report);
  }

  /** Looks at what a call was refused with. */
  see(cause: unknown): void {
    const word = wordOf(cause).kind;
    if (!Object.hasOwn(REMEDIES, word) || this.#reports.size === 0) return;
    const now = performance.now();
    if (now - (this.#toldAt.get(word) ?? Number.NEGATIVE_INFINITY) < MINUTE) return;
    this.#toldAt.set(word, now);
    const error = new GenerationJobError('unavailable', REMEDIES[word] as string, { cause });
    for (const report of this.#reports) report(error);
  }
}
