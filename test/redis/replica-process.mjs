/**
 * One replica: a process with a manager of the built library on a Redis, which does what its parent tells it over the
 * process channel and reports what it was acknowledged and what its followers got. Everything is reported at once and
 * in order, so that what was reported before a SIGKILL is what had happened.
 *
 * argv[2] is the configuration: JSON of `ReplicaConfig` in replicas.ts.
 */
import { Cluster, Redis } from 'ioredis';

// Before anything is waited for: a parent that dies while this process still loads, or waits for its Redis, ends it too.
process.on('disconnect', () => process.exit(0));
if (!process.connected) process.exit(0);

const config = JSON.parse(process.argv[2]);
if (config.clockSkewMs) {
  const now = Date.now;
  Date.now = () => now() + config.clockSkewMs;
}
const { GenerationJobManager, createStreamServices, isGenerationJobError } = await import(config.library);
const { textContent } = await import(new URL('content/index.js', config.library).href);

const host = '127.0.0.1';
const redis = config.clusterPorts
  ? new Cluster(
      config.clusterPorts.map((port) => ({ port, host })),
      { shardedSubscribers: true, ...config.client },
    )
  : new Redis({ port: config.port, host, ...config.client });
redis.on('error', () => {}); // told by what fails

const counts = {};
const observer = new Proxy(
  {},
  {
    get:
      (_, name) =>
      (...args) => {
        const label = typeof args[0] === 'string' ? `${name}:${args[0]}` : name;
        counts[label] = (counts[label] ?? 0) + 1;
      },
  },
);

// What faults make fail is no word of a process that dies.
const hooks = { onError: () => {} };
if (config.recover) {
  hooks.recoverMode = config.recoverMode ?? 'continue';
  hooks.recover = async (job, continuation) => {
    const { resolution } = continuation;
    if (config.recover.paced) return tellPaced(job, { ...config.recover, next: nextOf(continuation) });
    if (config.tool) await useTool(job, resolution);
    await tellPrompt(job);
    return produce(job, { ...config.recover });
  };
}
if (config.startQueued) {
  hooks.startQueued = async (job, { queueId, created }) => {
    const { streamId, generation, attempt } = job;
    process.send({ type: 'start', start: { streamId, generation, attempt, queueId, created } });
    await pause(config.startQueued.afterMs ?? 0);
    return produce(job, { ...config.startQueued });
  };
}
if (config.settle) {
  hooks.settle = async ({ settlementId, content, usage }) => {
    if (config.settle === 'hang') await new Promise(() => process.send({ type: 'settling' }));
    if (config.saves) await redis.rpush(config.saves, settlementId);
    process.send({ type: 'settled', settlementId, content, usage });
  };
}

if (config.history) {
  let tries = 0;
  hooks.settle = async ({ settlementId, record, content }) => {
    await pause(config.history.saveMs);
    if (++tries % 2 === 1) throw new Error('the history is away');
    const { keyPrefix } = config.history;
    await redis.rpush(`${keyPrefix}${settlementId}`, JSON.stringify(content));
    await redis.hset(`${keyPrefix}${record.streamId}`, record.generation, record.status);
  };
}

const services = createStreamServices({ redis, ...config.redisOptions });
if (config.diesInHandOver) {
  const renew = services.jobStore.renew.bind(services.jobStore);
  services.jobStore.renew = (claims, leaseMs) =>
    leaseMs === 0 ? process.kill(process.pid, 'SIGKILL') : renew(claims, leaseMs);
}
if (config.diesAtFeedOf) {
  const { feeds } = services.jobStore;
  const append = feeds.append.bind(feeds);
  feeds.append = async (user, entry, bounds) => {
    if (JSON.parse(entry.state).status === config.diesAtFeedOf) process.kill(process.pid, 'SIGKILL');
    return append(user, entry, bounds);
  };
}

const manager = new GenerationJobManager({
  ...services,
  options: config.options,
  contentModels: config.lacksModels ? [] : [textContent()],
  hooks,
  observer,
});
const jobs = new Map();
/** What is told of each stream's newest producer. */
const works = new Map();
const subscriptions = new Map();

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Whether paced answers end with the number they are at. */
let isFinishing = false;

/** An answer of numbered words that any replica goes on with where it stands, until it is told to finish. */
async function tellPaced(job, { everyMs, next = 1 }) {
  await job.run(async () => {
    const left = new Promise((resolve) => job.handover?.addEventListener('abort', resolve));
    for (let number = next; !isFinishing; number++) {
      // Release 0.1.0 has no signal: it is cut, and whoever goes on counts what is there.
      if (job.handover?.aborted) return job.handOver({ next: number });
      await job.emit({ event: 'text', data: { text: `${number} ` } });
      await Promise.race([pause(everyMs), left]);
    }
  });
}

function nextOf({ content, handoverState }) {
  return handoverState?.next ?? content.text.split(' ').length;
}

/** Emits numbered events, reports what is acknowledged, and ends the job as told. */
async function produce(job, { inRun = false, takes = false, paced = false, ...work }) {
  if (paced) return tellPaced(job, work);
  if (takes) void takeAll(job);
  if (inRun) {
    await job.run(async () => {
      await tellPrompt(job);
      await emitAll(job, work);
    });
  } else await emitAll(job, work);
}

/** Takes each message as it comes, and tells of it before and after. */
async function takeAll(job) {
  try {
    while (await job.inbox.arrived()) {
      process.send({ type: 'taking' });
      const message = await job.inbox.take();
      if (message !== null) process.send({ type: 'taken', messageId: message.messageId });
    }
  } catch (error) {
    if (!job.isOver) throw error;
  }
}

/** What the history has when a producer begins, which is what a prompt would be made from. */
async function tellPrompt({ streamId, generation, attempt, predecessor }) {
  if (!config.history) return;
  const prompt = (await redis.hkeys(`${config.history.keyPrefix}${streamId}`)).map(Number);
  process.send({ type: 'begun', streamId, generation, attempt, predecessor, prompt });
}

async function emitAll(job, { total = 1_000_000, everyMs = 5, burst = 1, end = 'complete', lateUsage }) {
  const { streamId, generation, attempt } = job;
  jobs.set(streamId, job);
  const told = { type: 'producer', streamId, generation, attempt, emitted: 0, acknowledged: 0 };
  works.set(streamId, told);
  const tell = () => process.send({ ...told });
  tell();
  const over = new Promise((resolve) => {
    job.signal.addEventListener('abort', () => {
      told.reason = job.signal.reason.reason;
      tell();
      resolve();
    });
  });
  try {
    while (told.emitted < total && !job.isOver) {
      for (let i = 0; i < burst && told.emitted < total; i++) {
        const number = told.emitted + 1;
        const room = job.emit({ event: 'text', data: { text: `${generation}/${attempt}/${number} ` } });
        told.emitted = number;
        job.flush().then(
          () => {
            told.acknowledged = Math.max(told.acknowledged, number);
            tell();
          },
          () => {}, // told by the end
        );
        await room;
      }
      if (everyMs > 0) await Promise.race([pause(everyMs), over]);
      else await new Promise((resolve) => setImmediate(resolve));
    }
    if (end === 'hang') await over;
    else if (!job.isOver) await endJob(job, end, told, tell);
  } catch (error) {
    told.error = error.code ?? String(error);
  }
  await over;
  if (lateUsage) told.lateTaken = await job.addUsage(lateUsage);
  told.isComplete = true;
  tell();
}

async function endJob(job, end, told, tell) {
  told.asked = end === 'complete' ? 'completed' : 'failed';
  tell();
  if (end === 'complete') await job.complete();
  else await job.fail({ code: 'x', message: 'x' });
  told.ended = true;
}

/** The world outside: what was done there stays done. */
async function useTool({ streamId, attempt }, resolution) {
  await redis.rpush(`${config.tool}${streamId}`, `${attempt} ${resolution?.by}`);
}

async function tellOf(follower, subscription) {
  let error;
  try {
    for await (const event of subscription) process.send({ type: 'event', follower, event });
  } catch (thrown) {
    error = thrown.code ?? String(thrown);
  }
  subscriptions.delete(follower);
  process.send({ type: 'followed', follower, closedBy: subscription.closedBy, error });
}

const operations = {
  async create({ produce: work, ...input }) {
    const result = await manager.createJob({ userId: 'u', ...input });
    const { record } = result;
    if (result.started) void produce(result.job, work ?? {});
    const over = result.started ? result.job.reason : undefined;
    return { started: result.started, over, generation: record?.generation, record, queued: result.queued };
  },
  async follow({ follower, streamId, options }) {
    const subscription = manager.subscribe(streamId, options);
    subscriptions.set(follower, subscription);
    void tellOf(follower, subscription);
  },
  async leave({ follower }) {
    subscriptions.get(follower)?.close();
  },
  abort: ({ streamId, ...input }) => manager.abortJob(streamId, input),
  delete: ({ streamId }) => manager.deleteStream(streamId),
  /** Ends a producer that hangs, as if it had come to its end by itself. */
  async complete({ streamId }) {
    await jobs.get(streamId).complete(null);
  },
  async update({ streamId, ...change }) {
    await jobs.get(streamId).update(change);
  },
  annotate: ({ streamId, ...annotation }) => manager.annotate(streamId, annotation),
  send: ({ streamId, ...message }) => manager.inbox.send(streamId, message),
  claim: ({ streamId, ...input }) => manager.inbox.claim(streamId, input),
  queue: ({ streamId }) => manager.queue.list(streamId),
  resume: ({ streamId }) => manager.queue.resume(streamId),
  get: ({ streamId, ...access }) => manager.getJob(streamId, access),
  async pause({ streamId, action }) {
    return jobs.get(streamId).pause(action);
  },
  async resolve({ streamId, produce: work, ...input }) {
    const { job } = await manager.approvals.resolve(streamId, input);
    void produce(job, work ?? {});
    return { attempt: job.attempt };
  },
  /** As a host would: decides, uses the tool, and goes on; or says what was decided. */
  async decide({ streamId, produce: work, ...input }) {
    try {
      const { job, continuation } = await manager.approvals.resolve(streamId, input);
      void useTool(job, continuation.resolution).then(() => produce(job, work ?? {}));
      return { attempt: job.attempt, resolution: continuation.resolution };
    } catch (error) {
      if (error.resolution === undefined) throw error;
      return { code: error.code, resolution: error.resolution };
    }
  },
  /** Makes a call, which leaves a mark outside before it answers; one that hangs never does. */
  async once({ streamId, key, hangs = false, ...options }) {
    const job = jobs.get(streamId);
    const call = async () => {
      await redis.rpush(`${config.tool}${streamId}:${key}`, job.attempt);
      if (hangs) await new Promise(() => {});
      return 'done';
    };
    return job.once(key, call, options);
  },
  generations: ({ streamId }) => manager.getGenerations(streamId),
  history: ({ streamId }) => manager.approvals.history(streamId),
  /** What a feed begins with. */
  async feed({ userId = 'u' }) {
    for await (const { data } of manager.subscribeUser({ userId })) return data.streams;
  },
  state: ({ streamId }) => manager.getResumeState(streamId),
  stats: () => manager.stats(),
  async work({ streamId }) {
    return { ...works.get(streamId) };
  },
  async counts() {
    return { ...counts };
  },
  /** The event loop does nothing else for so long. */
  async block({ ms }) {
    const until = performance.now() + ms;
    while (performance.now() < until);
  },
  /** Sets this process's wall clock, as somebody who corrects a machine's date does. */
  async setDate({ byMs }) {
    const now = Date.now;
    Date.now = () => now() + byMs;
  },
  drain: (options) => manager.drain(options),
  async finish() {
    isFinishing = true;
  },
};

process.on('message', ({ id, operation, input }) => {
  Promise.resolve()
    .then(() => operations[operation](input))
    .then(
      (result) => process.send({ type: 'answer', id, result }),
      (error) => {
        const code = isGenerationJobError(error) ? error.code : 'not_ours';
        process.send({ type: 'answer', id, error: { code, message: String(error?.stack ?? error) } });
      },
    );
});

// As a host would: drain, close, let go of what is the host's own, and leave.
process.once('SIGTERM', async () => {
  await manager.drain({ graceMs: config.graceMs ?? 500 });
  await manager.close();
  redis.disconnect();
  process.disconnect();
});

/** A replica that comes up while Redis is away is started until it can be, as a supervisor does. */
async function start() {
  try {
    await manager.start();
  } catch (error) {
    if (!isGenerationJobError(error) || error.code !== 'unavailable') throw error;
    await pause(100);
    return start();
  }
}

await start();
process.send({ type: 'ready' });
