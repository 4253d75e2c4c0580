/**
 * Turns contracts into tests.
 */
import { annotationStoreContracts } from './annotations.js';
import { approvalContracts } from './approvals.js';
import { bookContracts, stoppedContracts } from './books.js';
import { crashContracts } from './crashes.js';
import { createContracts } from './create.js';
import { decisionContracts } from './decisions.js';
import { deletionContracts } from './deletion.js';
import { descriptionContracts, holdContracts } from './descriptions.js';
import { emitContracts } from './emit.js';
import { emptyContracts } from './empty.js';
import { endContracts } from './end.js';
import { expectedContracts, expectedStoreContracts } from './expected.js';
import { feedContracts, feedStoreContracts } from './feed.js';
import { followContracts } from './follow.js';
import { handOverContracts, handOverStoreContracts } from './hand-over.js';
import { type BackendFactory, type Contract, runContract } from './harness.js';
import { holeContracts } from './holes.js';
import { hookLimitContracts } from './hook-limits.js';
import { hostCodeContracts } from './host-code.js';
import { housekeepingContracts } from './housekeeping.js';
import { inboxStoreContracts } from './inbox.js';
import { indexContracts } from './indexes.js';
import { keptContracts } from './kept.js';
import { lossContracts } from './loss.js';
import { messageContracts } from './messages.js';
import { noteFollowerContracts } from './note-followers.js';
import { annotationContracts } from './notes.js';
import { operatorContracts } from './operators.js';
import { overtakenContracts } from './overtaken-books.js';
import { pauseNoticeContracts } from './pause-notices.js';
import { pendingContracts } from './pending.js';
import { pipeContracts } from './pipe.js';
import { progressContracts } from './progress.js';
import { queueContracts } from './queue.js';
import { queueFaultContracts } from './queue-faults.js';
import { queueFollowingContracts } from './queue-following.js';
import { queueStartStoreContracts } from './queue-starts-store.js';
import { queueStoreContracts } from './queue-store.js';
import { raceContracts } from './races.js';
import { receiptStoreContracts } from './receipt-store.js';
import { receiptContracts } from './receipts.js';
import { resumeStateContracts } from './resume-state.js';
import { revisionContracts } from './revisions.js';
import { sealContracts } from './seals.js';
import { settledContracts } from './settled.js';
import { settledFollowingContracts } from './settled-following.js';
import { settlementContracts } from './settlement.js';
import { snapshotContracts } from './snapshots.js';
import { storeContracts } from './store.js';
import { successionContracts, successionStoreContracts } from './succession.js';
import { type TestTools, useExpect } from './tools.js';
import { unknownModelContracts } from './unknown-models.js';
import { upkeepContracts } from './upkeep.js';
import { usageContracts } from './usage.js';

/**
 * Tests what a store must do by itself.
 * @param name how the store is called in titles
 * @param factory makes a backend of its own for each test
 * @param tools of the test runner
 */
export function describeStoreContract(name: string, factory: BackendFactory, tools: TestTools): void {
  describeContracts(`The store contract on ${name}`, storePortContracts, factory, tools);
}

/**
 * Tests what a store and a transport must do together, seen through managers: with `subjects`, only those.
 */
export function describeStreamContract(
  name: string,
  factory: BackendFactory,
  tools: TestTools,
  subjects: readonly Subject[] = Object.keys(streamContracts) as Subject[],
): void {
  for (const subject of subjects) {
    describeContracts(`${subject} on ${name}`, streamContracts[subject], factory, tools);
  }
}

export const storePortContracts: readonly Contract[] = [
  ...storeContracts,
  ...expectedStoreContracts,
  ...successionStoreContracts,
  ...revisionContracts,
  ...annotationStoreContracts,
  ...inboxStoreContracts,
  ...holdContracts,
  ...bookContracts,
  ...handOverStoreContracts,
  ...receiptStoreContracts,
  ...indexContracts,
  ...feedStoreContracts,
  ...queueStoreContracts,
  ...queueStartStoreContracts,
];

export const streamContracts = {
  Create: [...createContracts, ...expectedContracts],
  Emit: emitContracts,
  Pipe: pipeContracts,
  Follow: followContracts,
  'Lost and late frames': lossContracts,
  Holes: holeContracts,
  'Resume state': [...resumeStateContracts, ...keptContracts],
  Snapshots: snapshotContracts,
  End: [...endContracts, ...emptyContracts],
  'Described ends': descriptionContracts,
  Approvals: approvalContracts,
  Decisions: decisionContracts,
  'Pending actions': pendingContracts,
  Seals: sealContracts,
  Receipts: receiptContracts,
  Races: raceContracts,
  Succession: successionContracts,
  Settlement: settlementContracts,
  'Settlement that is waited for': [...settledContracts, ...settledFollowingContracts],
  Progress: progressContracts,
  Annotations: [...annotationContracts, ...noteFollowerContracts],
  Messages: messageContracts,
  'Runs that wait': queueContracts,
  'Runs that wait, and faults': queueFaultContracts,
  'Runs that wait, followed': queueFollowingContracts,
  'A stopped producer’s books': [...stoppedContracts, ...overtakenContracts],
  'Pauses told': pauseNoticeContracts,
  'Hand-overs': handOverContracts,
  'Feeds of users': feedContracts,
  Usage: usageContracts,
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
  { describe, it, expect }: TestTools,
): void {
  useExpect(expect);
  describe(title, () => {
    for (const contract of contracts) {
      it(`${contract.id} ${contract.title}`, () => runContract(contract, factory));
    }
  });
}
