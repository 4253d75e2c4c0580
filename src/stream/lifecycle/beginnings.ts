/** Generations begin by a create, or when the turn of a run has come: the parts that this takes are made here, and know each other. */
import type { Followers } from '../following/followers.js';
import type { Parts } from '../process/parts.js';
import type { Producers } from '../producing/producers.js';
import { Admission } from './admission.js';
import { Creation } from './creation.js';
import type { Ender } from './ender.js';
import { Enqueueing } from './enqueueing.js';
import { QueueChanges } from './queue-changes.js';
import { QueueStarts } from './queue-starts.js';
import { Queues } from './queues.js';
import { Succession } from './succession.js';

export interface BeginningsContext {
  readonly ender: Ender;
  readonly followers: Followers;
  readonly producers: Producers;
}

export class Beginnings {
  readonly succession: Succession;
  readonly admission: Admission;
  readonly changes: QueueChanges;
  readonly starts: QueueStarts;
  readonly queues: Queues;

  constructor(parts: Parts, { ender, followers, producers }: BeginningsContext) {
    const succession = new Succession(parts, { followers, producers });
    const [creation, changes] = [new Creation(parts, ender), new QueueChanges(parts)];
    const starts = new QueueStarts(parts, { producers, succession, creation, changes });
    const enqueueing = new Enqueueing(parts, { changes, onAdded: (key) => starts.soon(key) });
    this.succession = succession;
    this.changes = changes;
    this.starts = starts;
    this.admission = new Admission(parts, ender, { creation, enqueueing, producers, succession });
    this.queues = new Queues(parts, { changes, onResumed: (key) => starts.soonAnywhere(key) });
    parts.slots.onFreed((user, streamIds) => parts.background.run(starts.startOneOf(user, streamIds)));
  }
}
