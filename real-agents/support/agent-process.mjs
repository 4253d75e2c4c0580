/**
 * One replica that runs agents: a process with a manager of the built library on a Redis, and checkpoints in a Mongo,
 * which does what its parent tells it over the process channel. What its tools do it writes to Redis before they answer,
 * so that a SIGKILL hides nothing.
 *
 * argv[2] is the configuration: JSON of `AgentConfig` in processes.ts.
 */
import { Redis } from 'ioredis';
import { importPeer, loadSdk, runFactory, toolHandlers, userSays } from './agents.mjs';

// Before anything is waited for: a parent that dies while this process still loads ends it too.
process.on('disconnect', () => process.exit(0));
if (!process.connected) process.exit(0);

const config = JSON.parse(process.argv[2]);
const library = (path) =>
  import(new URL(path, config.library ?? new URL('../../dist/', import.meta.url)).href);
const { GenerationJobManager, createStreamServices, isGenerationJobError } = await library('index.js');
const { graphContent } = await library('content/index.js');
const { createCheckpointer, resumeAgent, runAgent } = await library('agents/index.js');
const sdk = await loadSdk();
const { default: mongoose } = await import(config.mongoose ?? 'mongoose');

const redis = new Redis({ port: config.redisPort, host: '127.0.0.1' });
redis.on('error', () => {}); // told by what fails
const connection = mongoose.createConnection();
connection.on('error', () => {});
// So short for tests of a MongoDB that is away; a busy machine may need several tries to begin with.
const open = () =>
  connection.openUri(config.mongoUri, { dbName: config.dbName, serverSelectionTimeoutMS: 700 });
while (
  !(await open().then(
    () => true,
    () => false,
  ))
);
const checkpointer = await createCheckpointer({ mongo: connection, importPeer, ...config.checkpointer });

const write = (list, entry) => redis.rpush(list, JSON.stringify({ pid: process.pid, ...entry }));

/** What a run is built from is kept with the job, as a host would keep its agent's id. */
function optionsFor(job, agent) {
  return {
    checkpointer,
    resumeContext: { agent },
    sdkVersion: config.sdkVersion,
    onError: (error) =>
      write(`errors:${job.streamId}`, { name: error.name, code: error.code, message: error.message }),
    handlers: toolHandlers((call) => execute(job, agent, call)),
  };
}

async function execute(job, { tool = 'returns' }, { id, name, args }) {
  await write(`ran:${job.streamId}`, { id, name, args });
  if (tool === 'hangs') await new Promise(() => {});
  if (tool === 'waits') {
    await new Promise((resolve) => job.signal.addEventListener('abort', resolve, { once: true }));
    await write(`ran:${job.streamId}`, { stopped: job.signal.reason.reason });
    throw job.signal.reason;
  }
  return `did ${JSON.stringify(args)}`;
}

function factoryFor(job, agent) {
  const onTurn = (messages) => {
    const said = messages.filter((one) => one.getType() === 'human').map(({ content }) => String(content));
    void write(`turns:${job.streamId}`, { messages: messages.length, said });
  };
  return runFactory(sdk, { ...agent, onTurn, execute: (call) => execute(job, agent, call) });
}

const run = (job, agent) =>
  runAgent(job, factoryFor(job, agent), userSays(sdk, 'go'), optionsFor(job, agent));
const resume = (job, continuation) => {
  const { agent } = continuation.resumeContext.host;
  return resumeAgent(job, continuation, factoryFor(job, agent), optionsFor(job, agent));
};

const hooks = checkpointer.settling({
  settle: ({ record, usage, content }) =>
    void write(`settled:${record.streamId}`, {
      ...{ status: record.status, error: record.error?.code, usage, generation: record.generation },
      parts: content?.parts.length,
    }),
});
if (config.recover) {
  hooks.recover = (job, continuation) =>
    continuation.action ? resume(job, continuation) : run(job, continuation.record.metadata.agent);
}

const manager = new GenerationJobManager({
  ...createStreamServices({ redis, timeoutMs: 2_000, keyPrefix: config.keyPrefix ?? '' }),
  options: config.options,
  contentModels: [graphContent()],
  hooks,
});

/** The newest attempt of each stream here. */
const ends = new Map();

const operations = {
  /** Runs an agent to its end or pause; with `begin`, only starts it. */
  async start({ agent, begin = false, ...input }) {
    const { job } = await manager.createJob({
      ...{ userId: 'ann', contentModel: 'graph', metadata: { agent } },
      ...input,
    });
    const end = run(job, agent);
    ends.set(job.streamId, end);
    return { generation: job.generation, ...(begin ? {} : await end) };
  },
  /** Decides and goes on; with `claim`, decides and does no more. */
  async resolve({ streamId, claim = false, begin = false, ...input }) {
    const { job, continuation } = await manager.approvals.resolve(streamId, { by: 'ann', ...input });
    if (claim) return { reason: 'claimed' };
    const end = resume(job, continuation);
    ends.set(streamId, end);
    return begin ? { reason: 'begun' } : end;
  },
  /** How the attempt here ended, once it has, with all that follows. */
  async ended({ streamId }) {
    const end = await ends.get(streamId);
    await manager.upkeep.idle();
    return end;
  },
  send: ({ streamId, ...input }) => manager.inbox.send(streamId, input),
  abort: ({ streamId, ...input }) => manager.abortJob(streamId, input),
  peek: ({ streamId }) => manager.approvals.peek(streamId),
  state: ({ streamId }) => manager.getResumeState(streamId),
  job: ({ streamId }) => manager.getJob(streamId),
  deleteThread: ({ threadId }) => checkpointer.deleteThread(threadId),
  /** Everything of one time, to go on at once with others: resolves when it is over. */
  async at({ time, operation, input }) {
    while (Date.now() < time) await new Promise((resolve) => setImmediate(resolve));
    return operations[operation](input);
  },
};

process.on('message', ({ id, operation, input }) => {
  Promise.resolve()
    .then(() => operations[operation](input))
    .then(
      (result) => process.send({ id, result }),
      (error) => {
        const code = isGenerationJobError(error) ? error.code : 'not_ours';
        process.send({ id, error: { code, message: String(error?.stack ?? error) } });
      },
    );
});

await manager.start();
process.send({ ready: true });
