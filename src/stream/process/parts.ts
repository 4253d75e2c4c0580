/** The parts of one manager share these. */
import type { Clock, Entropy } from '../../clock.js';
import type { EventTransport } from '../interfaces/event-transport.js';
import type { JobStore } from '../interfaces/job-store.js';
import type { Logger } from '../interfaces/logger.js';
import type { Hooks } from '../interfaces/manager-types.js';
import type { StreamObserver } from '../interfaces/observer.js';
import type { StandingDecisions } from '../interfaces/standing-rules.js';
import type { ActionTypes } from '../model/action-types.js';
import type { ContentModels } from '../model/content-model.js';
import type { Options } from '../model/options.js';
import type { CommitTurns } from '../turns/commit-turns.js';
import type { EmitTurns } from '../turns/emit-turns.js';
import type { Background } from './background.js';
import type { ErrorReporter } from './error-reports.js';
import type { FeedWriter } from './feed-writer.js';
import type { LogReader } from './log-reader.js';
import type { PartWatch } from './part-watch.js';
import type { ProgressCalls } from './progress-calls.js';
import type { Seals } from './seals.js';
import type { SetAsideCount } from './set-aside-count.js';
import type { SlotKeeper } from './slot-keeper.js';
import type { StateReader } from './state-reader.js';
import type { StoreClock } from './store-clock.js';
import type { UnknownModels } from './unknown-models.js';

export interface Parts {
  readonly store: JobStore;
  readonly transport: EventTransport;
  readonly log: LogReader;
  /** The store's clock as far as it is believed: for judging what is over. */
  readonly storeClock: StoreClock;
  readonly states: StateReader;
  readonly options: Options;
  readonly models: ContentModels;
  readonly unknownModels: UnknownModels;
  readonly actionTypes: ActionTypes;
  readonly seals: Seals;
  /** The standing decisions, if the host has any. */
  readonly rules: StandingDecisions | undefined;
  readonly slots: SlotKeeper;
  readonly setAside: SetAsideCount;
  /** Tells what becomes of streams in their users' feeds; nothing, without the option `feed`. */
  readonly feed: FeedWriter;
  readonly progress: ProgressCalls;
  readonly emitTurns: EmitTurns;
  readonly commitTurns: CommitTurns;
  readonly hooks: Hooks;
  readonly observer: StreamObserver;
  readonly logger: Logger;
  /** Told of each error that nobody else is told. */
  readonly errors: ErrorReporter;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly background: Background;
  /** The watches know how the store and the transport are, by their last answers. */
  readonly watches: { readonly store: PartWatch; readonly transport: PartWatch };
  /** Names this replica, in records and to operators. */
  readonly replicaId: string;
}
