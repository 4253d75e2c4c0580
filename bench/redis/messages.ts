/**
 * What the bench, its producer and its receiver say to each other. Both are processes of their own, made anew for every
 * run, so that no contender inherits another's heap, compiled code or connections.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export type ContenderName = 'publish' | 'per-token' | 'ours';
export type LoadName = 'paced' | 'bursty' | 'open';

export interface RunSetup {
  readonly contender: ContenderName;
  readonly load: LoadName;
  readonly streams: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly port: number;
  readonly cluster: boolean;
}

export interface Sent {
  /** Tokens since the first one, and of this phase. */
  readonly total: number;
  readonly tokens: number;
  readonly startedAt: number;
  readonly cpuMicros: number;
}
export interface Received {
  readonly total: number;
  readonly lastAt: number;
  readonly cpuMicros: number;
  readonly p50: number;
  readonly p99: number;
}

/** Each request is answered once, under its own name, before the next is made. */
export interface Requests {
  /** Producer: creates the streams. Receiver: follows them. */
  open: { ask: undefined; answer: undefined };
  warmUp: { ask: undefined; answer: Sent };
  measure: { ask: undefined; answer: Sent };
  /** Receiver: waits for so many tokens in all, and then begins to measure. */
  begin: { ask: number; answer: undefined };
  /** Receiver: waits for so many tokens in all, and tells what it measured. */
  finish: { ask: number; answer: Received };
}

interface Message {
  readonly name: keyof Requests;
  readonly value: unknown;
}

export class Child {
  readonly #process: ChildProcess;
  readonly #script: string;

  constructor(script: string, setup: unknown) {
    this.#script = script;
    this.#process = fork(join(import.meta.dirname, script), [JSON.stringify(setup)]);
  }

  async ask<Name extends keyof Requests>(
    name: Name,
    value: Requests[Name]['ask'],
  ): Promise<Requests[Name]['answer']> {
    const failed = new AbortController();
    const exited = once(this.#process, 'exit', { signal: failed.signal }).then(() => {
      throw new Error(`${this.#script} ended before it had answered "${name}".`);
    });
    this.#process.send({ name, value } satisfies Message);
    try {
      const [answer] = (await Promise.race([
        once(this.#process, 'message', { signal: failed.signal }),
        exited,
      ])) as [Message];
      return answer.value as Requests[Name]['answer'];
    } finally {
      exited.catch(() => {});
      failed.abort();
    }
  }

  /** A child leaves when its parent hangs up, so none outlives the bench either. */
  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    if (this.#process.connected) this.#process.disconnect();
    await exited;
  }
}

type Answers = {
  [Name in keyof Requests]?: (ask: Requests[Name]['ask']) => Promise<Requests[Name]['answer']>;
};

/** The child's side. */
export function answerParent(answers: Answers): void {
  process.once('disconnect', () => process.exit(0));
  process.on('message', (message: Message) => {
    const answer = answers[message.name] as ((ask: unknown) => Promise<unknown>) | undefined;
    Promise.resolve(answer?.(message.value)).then(
      (value) => process.send?.({ name: message.name, value: value ?? null }),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
}

export function setupOfChild<Setup>(): Setup {
  return JSON.parse(process.argv[2] ?? '{}') as Setup;
}
