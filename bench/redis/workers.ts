/**
 * A worker with its outbox, through a gateway, to a reader in another process, against a producer in the gateway's own process on the
 * same Redis, which has no outbox. Every batch of the worker is synced to the disk before it is sent.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { median, ratioOf, repeatShuffled } from '../figures.js';
import type { WorkersLoad, WorkersSeen, WorkersSetup } from './workers-child.js';

/** An agent that talks: an event each 20 ms. What comes first warms up. */
const PACED: WorkersLoad = { events: 200, everyMs: 20 };
const WARM_UP = 50;
const OPEN: WorkersLoad = { events: 20_000, everyMs: 0 };

class Role {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(role: WorkersSetup['role'], port: number): Promise<Role> {
    const setup: WorkersSetup = { role, port };
    const child = fork(new URL('workers-child.js', import.meta.url), [JSON.stringify(setup)]);
    await once(child, 'message');
    return new Role(child);
  }

  async ask<Answer>(call: string, input: object): Promise<Answer> {
    this.#child.send({ call, input });
    const [{ answer }] = await once(this.#child, 'message');
    if (answer?.failed !== undefined) throw new Error(answer.failed);
    return answer as Answer;
  }

  async stop(): Promise<void> {
    this.#child.disconnect();
    await once(this.#child, 'exit');
  }
}

export async function benchWorkers(port: number, repetitions: number): Promise<void> {
  const gateway = await Role.start('gateway', port);
  const worker = await Role.start('worker', port);
  const reader = await Role.start('reader', port);
  let streams = 0;
  const begin = async () => {
    const stream = { streamId: `bench-${++streams}` };
    await gateway.ask('create', stream);
    await reader.ask('follow', stream);
  };
  const local = async (load: WorkersLoad): Promise<WorkersSeen> => {
    await begin();
    await gateway.ask('produce', load);
    return reader.ask('seen', {});
  };
  const remote = async (load: WorkersLoad): Promise<WorkersSeen> => {
    await begin();
    const run = await gateway.ask<{ url: string; token: string }>('handOver', {});
    await worker.ask('produce', { ...run, load });
    return reader.ask('seen', {});
  };
  const results = await repeatShuffled<string, WorkersSeen>(repetitions, {
    'paced local': () => local(PACED),
    'paced worker': () => remote(PACED),
    'open local': () => local(OPEN),
    'open worker': () => remote(OPEN),
  });
  for (const role of [worker, gateway, reader]) await role.stop();
  const rates = (name: string) => (results[name] ?? []).map(({ perSecond }) => perSecond);
  const p50s = (name: string) => (results[name] ?? []).map(({ lateMs }) => median(lateMs.slice(WARM_UP)));
  const spread = (values: readonly number[], digits: number) =>
    `${median(values).toFixed(digits)} [${Math.min(...values).toFixed(digits)}..${Math.max(...values).toFixed(digits)}]`;
  console.log('\na worker with its outbox, through a gateway, to a reader in another process');
  console.log(
    `  full speed: ${spread(rates('open worker'), 0)} events/s (goal >= 2,000); a local producer ${spread(rates('open local'), 0)}`,
  );
  console.log(
    `  an event each ${PACED.everyMs} ms, each synced: emit -> reader p50 ${spread(p50s('paced worker'), 2)} ms (goal <= 15); ` +
      `a local producer ${spread(p50s('paced local'), 2)} ms; ratio ${ratioOf(p50s('paced worker'), p50s('paced local'))} (goal <= 3)`,
  );
}
