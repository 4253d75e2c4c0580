/**
 * Generations whose content model this replica was not given: another release's, in a rolling deploy, or one that was
 * forgotten here. It can't fold what they have said. What has time (a lost producer, an action's expiry, a settlement) is
 * left to a replica that can, for `LONGEST_BACKOFF_MS` from when it was due; what has none, or has waited so long, is
 * done without content, and that is counted and logged.
 */
import { GenerationJobError } from '../../errors.js';
import type { ContentlessStep, StreamObserver } from '../interfaces/observer.js';
import type { ContentModels } from '../model/content-model.js';
import { dueSince, LONGEST_BACKOFF_MS } from '../model/deadlines.js';
import type { Options } from '../model/options.js';
import type { JobRecord } from '../model/types.js';
import type { ErrorReporter } from './error-reports.js';
import type { StoreClock } from './store-clock.js';

export interface UnknownModelsContext {
  readonly models: ContentModels;
  readonly options: Options;
  readonly storeClock: StoreClock;
  readonly observer: StreamObserver;
  readonly errors: ErrorReporter;
}

export class UnknownModels {
  readonly #parts: UnknownModelsContext;

  constructor(parts: UnknownModelsContext) {
    this.#parts = parts;
  }

  /** Says whether the generation has a content model that this replica does not know. */
  has({ contentModel }: JobRecord): boolean {
    return contentModel !== undefined && !this.#parts.models.has(contentModel);
  }

  /** Says whether what is due on the generation is still to be left to a replica that can fold it. */
  leaves(record: JobRecord): boolean {
    if (!this.has(record)) return false;
    const { options, storeClock } = this.#parts;
    return storeClock.now() < dueSince(record, options) + LONGEST_BACKOFF_MS;
  }

  /** Tells that a step is taken without the content it should have. */
  tell(step: ContentlessStep, record: JobRecord): void {
    const { observer, errors } = this.#parts;
    observer.contentless(step);
    const error = new GenerationJobError(
      'invalid_options',
      `contentModels has no ${JSON.stringify(record.contentModel)}: done without content.`,
    );
    errors.report({ where: 'unknownModel', error, record, details: { step } });
  }
}
