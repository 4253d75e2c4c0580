/**
 * Turns contracts into tests.
 */
import { describe, it } from 'vitest';
import { createContracts } from './create.js';
import { emitContracts } from './emit.js';
import { endContracts } from './end.js';
import { followContracts } from './follow.js';
import { type BackendFactory, type Contract, runContract } from './harness.js';
import { housekeepingContracts } from './housekeeping.js';
import { lossContracts } from './loss.js';
import { raceContracts } from './races.js';
import { resumeStateContracts } from './resume-state.js';
import { settlementContracts } from './settlement.js';
import { storeContracts } from './store.js';

/** What a store must do by itself. */
export function describeStoreContract(name: string, factory: BackendFactory): void {
  describeContracts(`The store contract on ${name}`, storeContracts, factory);
}

/** What a store and a transport must do together, seen through managers. */
export function describeStreamContract(name: string, factory: BackendFactory): void {
  for (const [subject, contracts] of Object.entries(streamContracts)) {
    describeContracts(`${subject} on ${name}`, contracts, factory);
  }
}

export const streamContracts: Readonly<Record<string, readonly Contract[]>> = {
  Create: createContracts,
  Emit: emitContracts,
  Follow: followContracts,
  'Lost and late frames': lossContracts,
  'Resume state': resumeStateContracts,
  End: endContracts,
  Races: raceContracts,
  Settlement: settlementContracts,
  Housekeeping: housekeepingContracts,
};

function describeContracts(title: string, contracts: readonly Contract[], factory: BackendFactory): void {
  describe(title, () => {
    for (const contract of contracts) {
      it(`${contract.id} ${contract.title}`, () => runContract(contract, factory));
    }
  });
}
