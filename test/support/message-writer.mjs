/** Writes as many messages to one conversation as its arguments say, and prints the id of each once it is settled. */
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { messageContent } from 'generation-jobs/content';
import { createMessageFile } from 'generation-jobs/worker';

const [, , folder, name, count] = process.argv;
const messages = createMessageFile({ folder, writeMs: 100 });
const manager = new GenerationJobManager({
  ...createStreamServices(),
  contentModels: [messageContent()],
  options: { progressMs: 100 },
  hooks: messages.saving(),
});
// A host's server keeps its process; nothing of the library does.
const host = setInterval(() => {}, 1_000);
for (let at = 0; at < Number(count); at++) {
  const streamId = `${name}-${at}`;
  const given = { streamId, userId: 'ada', conversationId: 'c', contentModel: 'message' };
  const { job } = await manager.createJob({ ...given, created: { id: `${streamId}-user`, text: 'Q' } });
  await job.emit({ event: 'text', data: { text: `answer of ${streamId} ${'x'.repeat(2_000)}` } });
  await job.complete();
  await manager.settled(streamId, { timeoutMs: 60_000 });
  process.stdout.write(`${streamId}\n`);
}
await manager.close();
clearInterval(host);
