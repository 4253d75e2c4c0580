/**
 * Workers as processes that keep an agent's session: two machines that take turns at one conversation, and a worker that is
 * told to leave.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IssuedRun } from 'generation-jobs/worker/gateway';
import { expect, it, onTestFinished } from 'vitest';
import type { JobRecord } from '../../../src/stream/model/types.js';
import { RedisServer } from '../../support/redis-server.js';
import { until } from '../gateway.js';
import { AGENT, isAlive, STEPS, type Step } from './stage.js';
import { GatewayProcess, killed, start } from './workers.js';

const PATIENT = { leaseMs: 20_000, sweepMs: 200, retentionMs: 600_000, logPollMs: 500 };
const RUN = { streamId: 'c', conversationId: 'c', transcripts: 'main', workerLeaseMs: 600_000 };

async function tempFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function startGateways(): Promise<readonly [GatewayProcess, GatewayProcess]> {
  const redis = await RedisServer.start();
  onTestFinished(() => redis.stop());
  const transcripts = await tempFolder('transcripts');
  const gateways = [
    new GatewayProcess(redis.port, PATIENT, transcripts),
    new GatewayProcess(redis.port, PATIENT, transcripts),
  ] as const;
  for (const gateway of gateways) await gateway.begin();
  return gateways;
}

interface Said {
  readonly hydrated?: string;
  readonly refused?: string;
  readonly ended?: string;
  readonly saved?: string;
  readonly isEmpty?: boolean;
}

/** A worker's process, and all that it has said. */
class SessionWorker {
  said: Said = {};
  readonly child: ChildProcess;

  constructor({ url }: GatewayProcess, { token }: IssuedRun, folder: string, steps: readonly Step[]) {
    this.child = start('session-worker', { url, token, folder, agent: AGENT, steps });
    this.child.on('message', (message) => {
      this.said = { ...this.said, ...(message as Said) };
    });
    onTestFinished(() => killed(this.child));
  }

  get isGone(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  async ended(): Promise<Said> {
    await until('the worker has gone', () => this.isGone);
    expect(this.child.exitCode).toBe(0);
    return this.said;
  }
}

it('two workers on two machines go on with one conversation in turn, and never at once', async () => {
  const gateways = await startGateways();
  const machines = [await tempFolder('machine-0'), await tempFolder('machine-1')];
  let expected = '';
  for (let turn = 0; turn < 4; turn++) {
    const [here, there] = turn % 2 === 0 ? gateways : [gateways[1], gateways[0]];
    const folder = machines[turn % 2] ?? '';
    const run = await here.ask<IssuedRun>('create', RUN);
    const goOn = join(folder, `go-on-${turn}`);
    const line = `{"role":"user","content":"turn ${turn}\u2028"}\n`;
    const { start: begin, text, end } = STEPS;
    const steps: Step[] = [begin, text('Working'), ['wait for', goOn], ['note', 'FILE', line], end];
    const worker = new SessionWorker(here, run, folder, steps);
    await until('its agent is at work', async () => {
      const { lastSequence } = await here.ask<JobRecord>('record', RUN);
      return lastSequence > 1 || worker.isGone;
    });
    for (const gateway of [here, there])
      expect(await gateway.ask('create', { ...RUN, onConflict: 'join' })).toEqual({ isTaken: true });
    await writeFile(goOn, '');
    expect(await worker.ended()).toEqual({
      ...{ hydrated: expected, ended: 'completed', saved: 'saved', isEmpty: true },
    });
    expected += line;
    expect(await readFile(join(folder, 'session.jsonl'), 'utf8')).toBe(expected);
    const runId = `c/${run.generation}`;
    expect(await there.ask('latest', RUN)).toEqual({ runId });
  }
}, 300_000);

it('a run that takes the place of one under way has its worker stopped, which saves nothing, before it goes on', async () => {
  const [here, there] = await startGateways();
  const [first, second] = [await tempFolder('machine-0'), await tempFolder('machine-1')];
  const { start: begin, text, end } = STEPS;
  const pid = join(first, 'pid');
  const run = await here.ask<IssuedRun>('create', RUN);
  const replaced = new SessionWorker(here, run, first, [
    ...([['pid', pid], begin, text('Working'), ['note', 'FILE', 'half a turn']] as const),
    ...([['hang']] as const),
  ]);
  await until('its agent is at work', async () => {
    const { lastSequence } = await here.ask<JobRecord>('record', RUN);
    return lastSequence > 1 || replaced.isGone;
  });
  const next = await there.ask<IssuedRun>('create', { ...RUN, onConflict: 'replace' });
  const line = '{"role":"user","content":"whole"}\n';
  const worker = new SessionWorker(there, next, second, [begin, text('Done'), ['note', 'FILE', line], end]);
  expect(await worker.ended()).toMatchObject({ hydrated: '', ended: 'completed', saved: 'saved' });
  expect(await replaced.ended()).toMatchObject({ ended: 'replaced', saved: 'not_completed' });
  expect(isAlive(Number(await readFile(pid, 'utf8')))).toBe(false);
  expect(await here.ask('latest', RUN)).toEqual({ runId: `c/${next.generation}` });
}, 300_000);

/** A worker whose agent, and what that has started, heed no SIGTERM; and the ids of both. */
async function startStubborn(gateway: GatewayProcess) {
  const folder = await tempFolder('machine');
  const run = await gateway.ask<IssuedRun>('create', RUN);
  const forked = join(folder, 'forked');
  const pid = join(folder, 'pid');
  const { start: begin, text } = STEPS;
  const worker = new SessionWorker(gateway, run, folder, [
    ...([['ignore', 'SIGTERM'], ['fork', forked], ['pid', pid], begin, text('Working')] as const),
    ...([['note', 'FILE', '{"role":"user","content":"hi"}\n'], ['hang']] as const),
  ]);
  await until('its agent is at work', async () => {
    const { lastSequence } = await gateway.ask<JobRecord>('record', RUN);
    return lastSequence > 1 || worker.isGone;
  });
  const started = await Promise.all([pid, forked].map(async (path) => Number(await readFile(path, 'utf8'))));
  expect(started.map(isAlive)).toEqual([true, true]);
  return { folder, run, worker, started };
}

it('a worker that gets SIGTERM stops its agent, ends its run as interrupted, delivers all, and saves no transcript', async () => {
  const [gateway] = await startGateways();
  const { worker, started } = await startStubborn(gateway);
  worker.child.kill('SIGTERM');
  expect(await worker.ended()).toEqual({
    ...{ hydrated: '', ended: 'failed', saved: 'not_completed', isEmpty: true },
  });
  await until('its agent has gone', () => !started.some(isAlive));
  expect(await gateway.ask('record', RUN)).toMatchObject({
    status: 'failed',
    error: { code: 'interrupted' },
  });
  expect(await gateway.ask('latest', RUN)).toEqual({ runId: null });
  expect(await gateway.ask<IssuedRun>('create', RUN), 'the next run').toMatchObject({ attempt: 1 });
}, 300_000);

it('one that gets SIGTERM while the gateway is away ends all the same, and what waits is for its next life', async () => {
  const [gateway] = await startGateways();
  const { folder, run, worker, started } = await startStubborn(gateway);
  await gateway.kill();
  worker.child.kill('SIGTERM');
  const { isEmpty, saved, ended } = await worker.ended();
  expect({ isEmpty, saved }).toEqual({ isEmpty: false, saved: 'not_completed' });
  expect(ended).not.toBe('completed');
  await until('its agent has gone', () => !started.some(isAlive));
  await gateway.begin();
  const next = new SessionWorker(gateway, run, folder, []);
  expect(await next.ended()).toEqual({ refused: 'failed', isEmpty: true });
  expect(await gateway.ask('record', RUN)).toMatchObject({
    status: 'failed',
    error: { code: 'interrupted' },
  });
  expect(await gateway.ask('latest', RUN)).toEqual({ runId: null });
}, 300_000);
