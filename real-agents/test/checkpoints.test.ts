/**
 * Checkpoints in Mongo when it is down, slow of mind or has forgotten: whatever happens, the job ends with a code that
 * says so, no tool runs that nobody approved, and no thread outlives its generation.
 */
import {
  type Checkpointer,
  createCheckpointer,
  resumeAgent,
  runAgent,
  threadIdOf,
} from 'generation-jobs/agents';
import mongoose from 'mongoose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dbName, startMongo, type TestMongo } from '../../test/support/mongo.js';
import { importPeer, loadSdk, runFactory, type Sdk, toolHandlers, userSays } from '../support/agents.mjs';
import { decide, eventsOf, namesOf, replica, startJob } from '../support/harness.js';

let sdk: Sdk;
let mongo: TestMongo;
let connection: mongoose.Connection;
let checkpointer: Checkpointer;
let executed: string[];
let turns: number;
let errors: unknown[];

beforeAll(async () => {
  sdk = await loadSdk();
  mongo = await startMongo();
});
afterAll(() => mongo.stop());

beforeEach(async () => {
  connection = mongoose.createConnection(mongo.uri, { dbName: dbName(), serverSelectionTimeoutMS: 1_000 });
  connection.on('error', () => {});
  await connection.asPromise();
  checkpointer = await createCheckpointer({ mongo: connection, importPeer });
  [executed, turns, errors] = [[], 0, []];
});
afterEach(async () => {
  await connection.dropDatabase();
  await connection.close();
});

const SCRIPT = [
  { text: ['Moving money.'], tools: [{ id: 'c1', name: 'transfer', args: { to: 'bob' } }] },
  { text: ['Done.'] },
];
const createRun = (setup: Parameters<ReturnType<typeof runFactory>>[0]) =>
  runFactory(sdk, {
    script: SCRIPT,
    ask: ['transfer'],
    onTurn: () => {
      turns++;
    },
  })(setup);
const APPROVE = { decisions: [{ id: 'c1', decision: 'approve' as const }] };

function options() {
  return {
    checkpointer,
    handlers: toolHandlers(({ id }) => {
      executed.push(id);
      return 'moved';
    }),
    onError: (error: unknown) => void errors.push(error),
  };
}

async function documents(): Promise<number> {
  const counts = ['checkpoints', 'checkpoint_writes'].map((name) =>
    connection.collection(name).countDocuments(),
  );
  return (await Promise.all(counts)).reduce((sum, count) => sum + count);
}

/** A job that waits, with its checkpoint in Mongo. */
async function paused() {
  const manager = replica(checkpointer.settling());
  const job = await startJob(manager);
  expect(await runAgent(job, createRun, userSays(sdk, 'pay'), options())).toEqual({ reason: 'paused' });
  expect(await documents()).toBeGreaterThan(0);
  turns = 0;
  return { manager, threadId: threadIdOf(job) };
}

const failureOf = async (manager: ReturnType<typeof replica>) => (await manager.getJob('s'))?.error;

describe('a decision on a run whose checkpoint', () => {
  for (const [what, lose] of [
    ['was deleted', async (threadId: string) => checkpointer.deleteThread(threadId)],
    [
      'has expired',
      async () => {
        if (mongo.server) mongo.server.sweep(Date.now() + 73 * 3_600_000);
        else await connection.collection('checkpoints').deleteMany({});
        expect(await connection.collection('checkpoints').countDocuments()).toBe(0);
      },
    ],
    [
      'has lost its writes',
      async () => void (await connection.collection('checkpoint_writes').deleteMany({})),
    ],
    [
      'is behind that of another run on its thread',
      async (threadId: string) => {
        const setup = {
          job: {},
          runId: threadId,
          threadId,
          handlers: {},
          discoveredTools: [],
          resumeContext: null,
        };
        const run = runFactory(sdk, { script: [{ text: ['other'] }] });
        const other = await run({ ...setup, checkpointer: checkpointer.saver } as never);
        await other.processStream(userSays(sdk, 'another turn'), {
          version: 'v2',
          configurable: { thread_id: threadId },
          signal: new AbortController().signal,
        });
        turns = 0;
      },
    ],
  ] as const) {
    it(`${what} fails checkpoint_lost without a call of the model or the tool (rules 2 and 3)`, async () => {
      const { manager, threadId } = await paused();
      await lose(threadId);
      const { job, continuation } = await decide(manager, APPROVE);
      expect(await resumeAgent(job, continuation, createRun, options())).toMatchObject({ reason: 'failed' });
      expect(await failureOf(manager)).toMatchObject({ code: 'checkpoint_lost', retryable: true });
      expect([executed, turns]).toEqual([[], 0]);
      await manager.upkeep.idle();
      expect(await documents()).toBe(0);
    });
  }
});

describe('with Mongo away', () => {
  it.skipIf(process.env.MONGO_URL)(
    'at the pause the job fails unavailable and asks nobody (rule 7)',
    async () => {
      const manager = replica();
      const job = await startJob(manager);
      const handlers = {
        ...options().handlers,
        on_run_step_delta: { handle: () => mongo.server?.stop() },
      };
      const end = await runAgent(job, createRun, userSays(sdk, 'pay'), { ...options(), handlers });
      await mongo.server?.restart();
      expect(end).toMatchObject({ reason: 'failed' });
      expect(await failureOf(manager)).toMatchObject({ code: 'unavailable', retryable: true });
      // Why it failed, and that its thread could not be deleted: the settlement tries again.
      const unavailable = { code: 'unavailable', cause: { name: /^Mongo/ } };
      expect(errors).toMatchObject([unavailable, unavailable]);
      expect(await manager.approvals.peek('s')).toBeNull();
      expect(await namesOf(manager)).not.toContain('requires_action');
      expect(executed).toEqual([]);
    },
  );

  it.skipIf(process.env.MONGO_URL)('at the resume the job fails unavailable; no tool runs', async () => {
    const { manager } = await paused();
    const { job, continuation } = await decide(manager, APPROVE);
    await mongo.server?.stop();
    expect(await resumeAgent(job, continuation, createRun, options())).toMatchObject({ reason: 'failed' });
    await mongo.server?.restart();
    expect(await failureOf(manager)).toMatchObject({ code: 'unavailable', retryable: true });
    expect([executed, turns]).toEqual([[], 0]);
  });

  it.skipIf(process.env.MONGO_URL)(
    'for a moment, its sockets dropped as it is decided, nothing is lost',
    async () => {
      const { manager } = await paused();
      const { job, continuation } = await decide(manager, APPROVE);
      mongo.server?.dropConnections();
      expect(await resumeAgent(job, continuation, createRun, options())).toEqual({ reason: 'completed' });
      expect(executed).toEqual(['c1']);
    },
  );
});

describe('no document is left when a generation', () => {
  it('has completed', async () => {
    const { manager } = await paused();
    const { job, continuation } = await decide(manager, APPROVE);
    await resumeAgent(job, continuation, createRun, options());
    await manager.upkeep.idle();
    expect(await documents()).toBe(0);
  });

  it('has failed after an approved tool had run, which does not run again (rule 9)', async () => {
    const { manager } = await paused();
    const { job, continuation } = await decide(manager, APPROVE);
    const failing = runFactory(sdk, {
      script: [SCRIPT[0] ?? {}, { fails: 'the provider is away' }],
      ask: ['transfer'],
    });
    expect(await resumeAgent(job, continuation, failing, options())).toMatchObject({ reason: 'failed' });
    expect(await failureOf(manager)).toMatchObject({ code: 'agent_failed' });
    expect(JSON.stringify(await eventsOf(manager))).not.toContain('the provider is away');
    expect(executed).toEqual(['c1']);
    await manager.upkeep.idle();
    expect(await documents()).toBe(0);
  });

  it('was aborted as it waited', async () => {
    const { manager } = await paused();
    await manager.abortJob('s');
    await manager.upkeep.idle();
    expect(await documents()).toBe(0);
  });

  it('was replaced as it waited: the next turn starts with nothing of it (rules 3 and 4)', async () => {
    const { manager } = await paused();
    const job = await startJob(manager);
    const seen: number[] = [];
    const next = runFactory(sdk, {
      script: [{ text: ['Hello.'] }],
      onTurn: (messages) => void seen.push(messages.length),
    });
    expect(await runAgent(job, next, userSays(sdk, 'other'), options())).toEqual({ reason: 'completed' });
    expect(seen).toEqual([2]); // the instructions and the new message
    await manager.upkeep.idle();
    expect(await documents()).toBe(0);
  });

  it('was deleted with its stream as it waited', async () => {
    const { manager } = await paused();
    await manager.deleteStream('s');
    await manager.upkeep.idle();
    expect(await documents()).toBe(0);
  });

  it('expired as it waited', async () => {
    const manager = replica(checkpointer.settling(), undefined, { options: { sweepMs: 20 } });
    await runAgent(await startJob(manager), createRun, userSays(sdk, 'pay'), {
      ...options(),
      approvalWindowMs: 30,
    });
    await expect.poll(async () => (await manager.getJob('s'))?.status).not.toBe('requires_action');
    await manager.upkeep.idle();
    expect(await documents()).toBe(0);
  });
});

describe('a checkpointer', () => {
  it('refuses a checkpoint over maxBytes by name, as the failure of the job', async () => {
    checkpointer = await createCheckpointer({ mongo: connection, importPeer, maxBytes: 100_000 });
    const manager = replica(checkpointer.settling());
    const job = await startJob(manager);
    const end = await runAgent(job, createRun, userSays(sdk, 'x'.repeat(200_000)), options());
    expect(end).toMatchObject({ reason: 'failed' });
    expect(await failureOf(manager)).toMatchObject({ code: 'checkpoint_too_large', retryable: false });
    await manager.upkeep.idle();
    expect(await documents()).toBe(0);
  });

  it('tells of an index that was made with another TTL, with what Mongo said', async () => {
    const other = createCheckpointer({ mongo: connection, importPeer, ttlMs: 3_600_000 });
    await expect(other).rejects.toMatchObject({
      code: 'checkpointer_failed',
      cause: {
        errors: expect.arrayContaining([expect.objectContaining({ codeName: 'IndexOptionsConflict' })]),
      },
    });
  });

  it('tells of a package that can not be loaded, and of a connection that is not open', async () => {
    const nowhere = () => Promise.reject(new Error('not installed'));
    await expect(createCheckpointer({ mongo: connection, importPeer: nowhere })).rejects.toMatchObject({
      code: 'checkpointer_failed',
    });
    await expect(createCheckpointer({ mongo: mongoose.createConnection() })).rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  it('without Mongo keeps checkpoints in the memory of the process', async () => {
    checkpointer = await createCheckpointer({ importPeer });
    const manager = replica(checkpointer.settling());
    await runAgent(await startJob(manager), createRun, userSays(sdk, 'pay'), options());
    const { job, continuation } = await decide(manager, APPROVE);
    expect(await resumeAgent(job, continuation, createRun, options())).toEqual({ reason: 'completed' });
  });

  it('whose checkpoints expire before the action may wait fails the job before the model is asked', async () => {
    checkpointer = await createCheckpointer({ mongo: connection, importPeer });
    const manager = replica();
    const given = { ...options(), approvalWindowMs: 72 * 3_600_000 };
    expect(await runAgent(await startJob(manager), createRun, userSays(sdk, 'pay'), given)).toMatchObject({
      reason: 'failed',
    });
    expect(await failureOf(manager)).toMatchObject({ code: 'invalid_options' });
    expect(turns).toBe(0);
  });
});
