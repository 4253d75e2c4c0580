// biome-ignore-all lint/nursery/noFloatingPromises: what nobody awaits is what this is about.
/**
 * A process that awaits nothing: makes each call of a stopped job, a closed manager and a stream that is not there, bare.
 * Prints what `onError` was told, one JSON line each. Any unhandled rejection ends it.
 */
import { createStreamServices, GenerationJobManager } from 'generation-jobs';

const hooks = {
  onError: ({ where, error, details, record }) =>
    console.log(JSON.stringify({ where, ...details, code: error.code, streamId: record?.streamId })),
};
const made = (settings = { hooks }) => new GenerationJobManager({ ...createStreamServices(), ...settings });
const manager = made(process.argv[2] === 'silent' ? {} : { hooks });
/** Starts a job and stops it. */
async function stopped(streamId) {
  const { job } = await manager.createJob({ streamId, userId: 'ann' });
  await manager.abortJob(streamId);
  return job;
}
async function completed(streamId) {
  const { job } = await manager.createJob({ streamId, userId: 'ann' });
  await job.complete();
  return job;
}
// A stopped one may still finish its books: one that has completed may not.
const books = {
  update: (job) => job.update({ metadata: { a: 1 } }),
  addUsage: (job) => job.addUsage({ tokens: 1 }),
};
const bare = {
  pause: (job) => job.pause({ type: 'checkpoint' }),
  handOver: (job) => job.handOver(),
  complete: (job) => job.complete('x'),
  fail: (job) => job.fail(new Error('x')),
};
for (const [name, call] of Object.entries(books)) call(await completed(name));
for (const [name, call] of Object.entries(bare)) call(await stopped(name));
const twice = await completed('twice');
twice.addUsage({ tokens: 1 });
twice.addUsage({ tokens: 1 });
console.log(JSON.stringify({ tried: twice.tryEmit({ event: 'text', data: 1 }) }));

const { job: losing } = await manager.createJob({ streamId: 'flush', userId: 'ann' });
losing.emit({ event: 'text', data: 1 });
losing.emit({ event: 'text', data: 2 });
losing.flush();
losing.stop('gone');

manager.subscribe('none');
manager.subscribe('none-read').next();
manager.abortJob('none');
manager.annotate('none', {});
manager.inbox.send('none', { message: 1 });
(await completed('take')).inbox.take();
manager.subscribeWithResume('none');
manager.approvals.resolve('none', { actionId: 'a', by: 'ann' });
const closing = made();
closing.close();
closing.createJob({ streamId: 's', userId: 'ann' });
await new Promise((resolve) => setTimeout(resolve, 100));
await manager.close();
