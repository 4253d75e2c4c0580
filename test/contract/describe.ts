/**
 * Turns contracts into tests.
 */
import { describe, it } from 'vitest';
import { approvalContracts } from './approvals.js';
import { crashContracts } from './crashes.js';
import { createContracts } from './create.js';
import { decisionContracts } from './decisions.js';
import { deletionContracts } from './deletion.js';
import { descriptionContracts, holdContracts } from './descriptions.js';
import { emitContracts } from './emit.js';
import { endContracts } from './end.js';
import { followContracts } from './follow.js';
import { type BackendFactory, type Contract, runContract } from './harness.js';
import { holeContracts } from './holes.js';
import { hookLimitContracts } from './hook-limits.js';
import { hostCodeContracts } from './host-code.js';
import { housekeepingContracts } from './housekeeping.js';
import { indexContracts } from './indexes.js';
import { lossContracts } from './loss.js';
import { operatorContracts } from './operators.js';
import { pendingContracts } from './pending.js';
import { pipeContracts } from './pipe.js';
import { raceContracts } from './races.js';
import { resumeStateContracts } from './resume-state.js';
import { settlementContracts } from './settlement.js';
import { snapshotContracts } from './snapshots.js';
import { storeContracts } from './store.js';
import { unknownModelContracts } from './unknown-models.js';
import { upkeepContracts } from './upkeep.js';

interface Run {
  /** Where time is real, tests mostly wait: several at once. */
  readonly concurrent?: boolean;
}

interface StreamRun extends Run {
  /** Only these; all by default. */
  readonly subjects?: readonly Subject[] | undefined;
}

/** What a store must do by itself. */
export function describeStoreContract(name: string, factory: BackendFactory, run: Run = {}): void {
  describeContracts(`The store contract on ${name}`, storePortContracts, factory, run);
}

/** What a store and a transport must do together, seen through managers. */
export function describeStreamContract(name: string, factory: BackendFactory, run: StreamRun = {}): void {
  for (const [subject, contracts] of Object.entries(streamContracts)) {
    if (run.subjects && !run.subjects.includes(subject as Subject)) continue;
    describeContracts(`${subject} on ${name}`, contracts, factory, run);
  }
}

export const storePortContracts: readonly Contract[] = [
  ...storeContracts,
  ...holdContracts,
  ...indexContracts,
];

export const streamContracts = {
  Create: createContracts,
  Emit: emitContracts,
  Pipe: pipeContracts,
  Follow: followContracts,
  'Lost and late frames': lossContracts,
  Holes: holeContracts,
  'Resume state': resumeStateContracts,
  Snapshots: snapshotContracts,
  End: endContracts,
  'Described ends': descriptionContracts,
  Approvals: approvalContracts,
  Decisions: decisionContracts,
  'Pending actions': pendingContracts,
  Races: raceContracts,
  Settlement: settlementContracts,
  Housekeeping: housekeepingContracts,
  Upkeep: upkeepContracts,
  Deletion: deletionContracts,
  'What operators see': operatorContracts,
  Crashes: crashContracts,
  'Content models that a replica lacks': unknownModelContracts,
  'What the host’s code does wrong': [...hostCodeContracts, ...hookLimitContracts],
} as const satisfies Readonly<Record<string, readonly Contract[]>>;

export type Subject = keyof typeof streamContracts;

function describeContracts(
  title: string,
  contracts: readonly Contract[],
  factory: BackendFactory,
  { concurrent = false }: Run,
): void {
  describe(title, { concurrent }, () => {
    for (const contract of contracts) {
      it(`${contract.id} ${contract.title}`, () => runContract(contract, factory));
    }
  });
}
