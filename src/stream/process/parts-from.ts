/** Makes what the parts of one manager share, from what its host gave. */
import { hostname } from 'node:os';
import { systemClock, systemEntropy } from '../../clock.js';
import type { ManagerInput } from '../interfaces/manager-types.js';
import { actionTypesFrom } from '../model/action-types.js';
import { parseOptions } from '../model/options.js';
import { CommitTurns } from '../turns/commit-turns.js';
import { EmitTurns } from '../turns/emit-turns.js';
import { Background } from './background.js';
import { ErrorReporter } from './error-reports.js';
import { FeedWriter } from './feed-writer.js';
import { LogReader } from './log-reader.js';
import { PartWatch } from './part-watch.js';
import type { Parts } from './parts.js';
import { ProgressCalls } from './progress-calls.js';
import { safeLogger } from './safe-logger.js';
import { safeObserver } from './safe-observer.js';
import { SafeTransport } from './safe-transport.js';
import { Seals } from './seals.js';
import { SetAsideCount } from './set-aside-count.js';
import { SlotKeeper } from './slot-keeper.js';
import { StateReader } from './state-reader.js';
import { StoreClock } from './store-clock.js';
import { UnknownModels } from './unknown-models.js';

/** @throws GenerationJobError `invalid_options` */
export function partsFrom(input: ManagerInput): Parts {
  const { hooks = {}, clock = systemClock } = input;
  const options = parseOptions(input.options, input.jobStore);
  const observer = safeObserver(input.observer, (error) => errors.report({ where: 'observer', error }));
  const logger = safeLogger(input.logger, (error) => {
    observer.hookFailed('logger');
    errors.report({ where: 'logger', error });
  });
  const errors = new ErrorReporter({
    onError: hooks.onError && ((report) => hooks.onError?.(report)),
    logger: input.logger && logger,
    logErrors: options.logErrors,
    clock,
    hookFailed: (hook) => observer.hookFailed(hook),
  });
  const log = new LogReader(input.jobStore, observer, errors);
  const models = new Map(input.contentModels?.map((model) => [model.name, model]));
  const store = input.jobStore;
  const storeClock = new StoreClock({ store, clock, options, observer, errors });
  const watches = { store: new PartWatch(clock), transport: new PartWatch(clock) };
  const transport = new SafeTransport(input.eventTransport, {
    ...{ observer, errors, clock },
    watch: watches.transport,
  });
  const background = new Background((error) => errors.report({ where: 'background', error }));
  const entropy = input.entropy ?? systemEntropy;
  return {
    store,
    transport,
    watches,
    feed: new FeedWriter({ store, transport, options, clock, entropy, observer, errors, background }),
    storeClock,
    log,
    states: new StateReader(log, models, options, () => store.now()),
    options,
    models,
    unknownModels: new UnknownModels({ models, options, storeClock, observer, errors }),
    actionTypes: actionTypesFrom(input.actionTypes),
    seals: new Seals({ seal: input.seal, clock, options, observer }),
    rules: input.rules,
    slots: new SlotKeeper({ store: input.jobStore, options }),
    setAside: new SetAsideCount(observer),
    progress: new ProgressCalls({ hooks, observer, errors, clock, options }),
    hooks,
    observer,
    logger,
    errors,
    clock,
    emitTurns: new EmitTurns(clock, options.limits.turnEvents),
    commitTurns: new CommitTurns({ clock, store, options }),
    entropy,
    replicaId: input.replicaId ?? `${hostname()}:${process.pid}`,
    background,
  };
}
