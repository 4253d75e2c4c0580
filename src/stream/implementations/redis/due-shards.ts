/**
 * All shards of the due index are asked at once: one call on a single server, one a node on a cluster, each shard with
 * an answer of its own.
 *
 * Which shards lie on one node is learnt from the answers: a call for several is led to a node by the first of them, and
 * the script refuses those that lie elsewhere, who are asked for next. What was learnt is kept until a shard turns out to
 * have moved. Shards that could not be asked are asked each by itself until all is well, and then it is learnt anew.
 */
import { asGenerationJobError, GenerationJobError, isGenerationJobError } from '../../../errors.js';
import type { DueShard } from './keys.js';
import { refusalOf } from './refusals.js';

type Shards = readonly DueShard[];
/** A shard's set as a list, or the text of its failure. */
type ShardReply = readonly string[] | string;
/** Asks the node of the first shard for all those given; answers in their order. */
type AskNode = (group: Shards) => Promise<readonly ShardReply[]>;

export interface ShardAnswers {
  readonly sets: (readonly string[])[];
  /** A failure for each shard, or each node, without an answer. */
  readonly failures: GenerationJobError[];
}

/**
 * The time the others are kept waiting for a node, once one has answered (ms): a node that is away must not set the
 * pace. With what learning may wait it is less than the time a probe of health is given.
 */
const PATIENCE_MS = 500;
/**
 * The time a node has for the call that learns the others (ms): one that hangs would take all of the time a call has,
 * and nobody else would be asked meanwhile.
 */
const LEARNING_MS = 100;
const ELSEWHERE = 'non local key';

interface Learning extends ShardAnswers {
  /** Shards by the node that has answered for them. */
  readonly groups: Shards[];
  isCertain: boolean;
}

export class RedisDueShards {
  readonly #all: Shards;
  readonly #isCluster: boolean;
  /** The shards by node; undefined before they are known. */
  #groups: readonly Shards[] | undefined;
  #isCertain = true;

  constructor(all: Shards, isCluster: boolean) {
    this.#all = all;
    this.#isCluster = isCluster;
  }

  /** @throws GenerationJobError when there is no answer from any */
  async ask(askNode: AskNode): Promise<ShardAnswers> {
    const wasKnown = this.#groups !== undefined;
    const result: Learning = { sets: [], failures: [], groups: [], isCertain: true };
    for (let left = this.#groups ?? [this.#all]; left.length > 0; ) {
      const asking = left.map((group) => askNode(group).catch(asGenerationJobError));
      const isLearning = this.#isCluster && !wasKnown && left.some((group) => group.length > 1);
      const isPressed = isLearning || result.sets.length > 0;
      const limitMs = isLearning ? LEARNING_MS : PATIENCE_MS;
      const asked = await Promise.all(
        patiently<readonly ShardReply[] | GenerationJobError>(asking, limitMs, isPressed),
      );
      left = left.flatMap((group, index) => this.#take(result, group, asked[index], wasKnown));
    }
    if (this.#isCluster) this.#learn(result);
    if (result.sets.length === 0) throw result.failures[0];
    return result;
  }

  /** Notes what a group's call has come to; returns the groups that are still to be asked. */
  #take(
    result: Learning,
    group: Shards,
    replies: readonly ShardReply[] | GenerationJobError | undefined,
    wasKnown: boolean,
  ): readonly Shards[] {
    const isLearning = this.#isCluster && !wasKnown && group.length > 1;
    if (replies === undefined && isLearning) {
      result.isCertain = false;
      return group.map((shard) => [shard]);
    }
    if (replies === undefined || isGenerationJobError(replies)) {
      result.failures.push(replies ?? tooLate());
      result.isCertain = false;
      const isOneNode = wasKnown || !this.#isCluster;
      const [first, ...others] = group;
      result.groups.push(isOneNode || first === undefined ? group : [first]);
      return isOneNode ? [] : others.map((shard) => [shard]);
    }
    const here: DueShard[] = [];
    const elsewhere: DueShard[] = [];
    group.forEach((shard, index) => {
      const reply = replies[index] ?? 'nothing';
      const isElsewhere = index > 0 && typeof reply === 'string' && reply.includes(ELSEWHERE);
      (isElsewhere ? elsewhere : here).push(shard);
      if (typeof reply !== 'string') result.sets.push(reply);
      else if (!isElsewhere) result.failures.push(unreadable(shard, reply));
    });
    result.groups.push(here);
    if (elsewhere.length === 0) return [];
    if (wasKnown) result.isCertain = false;
    return [elsewhere];
  }

  #learn(result: Learning): void {
    // What was learnt while something was wrong may ask more often than it need: it is learnt anew once all is well.
    const isWellAgain = result.isCertain && !this.#isCertain;
    this.#groups = isWellAgain ? undefined : result.groups;
    this.#isCertain = isWellAgain || result.isCertain;
  }
}

/** Each answer, or undefined when it is not there `limitMs` after the first; if `isPressed`, after now. */
function patiently<Answer>(
  answers: readonly Promise<Answer>[],
  limitMs: number,
  isPressed: boolean,
): readonly Promise<Answer | undefined>[] {
  if (answers.length < 2 && !isPressed) return answers;
  let timer: NodeJS.Timeout | undefined;
  const begin = isPressed ? Promise.resolve() : Promise.race(answers);
  const late = begin.then(
    () => new Promise<undefined>((resolve) => (timer = setTimeout(resolve, limitMs, undefined))),
  );
  void Promise.all(answers).then(() => clearTimeout(timer));
  return answers.map((answer) => Promise.race([answer, late]));
}

function tooLate(): GenerationJobError {
  return new GenerationJobError('unavailable', 'A node of the due index has not answered as others have.');
}

function unreadable({ scores }: DueShard, reply: string): GenerationJobError {
  const cause = refusalOf(new Error(reply));
  const message = `The shard ${scores} of the due index can’t be read: ${reply}.`;
  return new GenerationJobError(cause.code, message, { cause });
}
