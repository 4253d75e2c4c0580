/**
 * Begins the test files that take longest first, whatever their size, so that none of them is still at work alone when all
 * others are done. Vitest goes by what earlier runs took, and in a fresh clone, which has had none, by the size of a file;
 * that of a contract's run on a store is nothing but the store's name.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const LONGEST = [
  'test/contract/redis.test.ts',
  'test/contract/redis-cluster.test.ts',
  'test/browser/chat.test.ts',
  'test/browser/replicas.test.ts',
  'test/contract/broken-store.test.ts',
  'test/contract/memory.test.ts',
  'test/redis/asking-again.test.ts',
  'test/redis/link-faults.test.ts',
  'test/example/replicas.test.ts',
  'test/redis/producer-faults.test.ts',
  'test/redis/releases.test.ts',
];

export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({ moduleId }: TestSpecification) => {
      const place = LONGEST.findIndex((name) => moduleId.endsWith(name));
      return place === -1 ? LONGEST.length : place;
    };
    // Stable: among the others the order stays.
    return (await super.sort(files)).sort((a, b) => placeOf(a) - placeOf(b));
  }
}
