/**
 * A worker as a process, with an agent as its child that keeps a session file in a folder of this machine's. argv[2] is JSON:
 * `library`, `url`, `token`, `folder`, `agent` (a program) and its `steps`, in which `"FILE"` stands for the session file. It goes on
 * from the conversation's transcript, and saves it at its end; SIGTERM ends it within a bound.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Libsql from 'libsql';

process.on('disconnect', () => process.exit(0));
if (!process.connected) process.exit(0);

const { library, url, token, folder, agent, steps } = JSON.parse(process.argv[2]);
const { createWorkerClient, openOutbox, runAgentProcess } = await import(
  new URL('worker/index.js', library).href
);
const { hydrateTranscript, saveTranscript } = await import(new URL('transcripts/index.js', library).href);

const outbox = openOutbox({
  database: new Libsql(join(folder, 'outbox.db')),
  retryMs: 50,
  longestRetryMs: 500,
});
const opened = await createWorkerClient({ url, token, outbox, onError: () => {} }).catch((error) => ({
  error,
}));
if (opened.error) {
  process.send({ refused: opened.error.reason ?? opened.error.code });
} else {
  const client = opened;
  process.once('SIGTERM', () => void client.close({ graceMs: 1_000 }));
  const file = join(folder, 'session.jsonl');
  const { result, clears } = await hydrateTranscript(client.transcripts, { file });
  process.send({ hydrated: result === 'none' ? '' : await readFile(file, 'utf8') });
  const args = [
    agent,
    JSON.stringify(steps.map((step) => step.map((part) => (part === 'FILE' ? file : part)))),
  ];
  const { reason } = await runAgentProcess(client.job, {
    ...{ command: process.execPath, args, mapper: 'openclaw', graceMs: 200 },
  });
  const saved = await saveTranscript(client.transcripts, { file, clears, outcome: reason });
  await client.close({ graceMs: 10_000 });
  process.send({ ended: reason, saved: saved.result });
}
const isEmpty = await outbox.flush({ withinMs: 1_000 });
await outbox.close();
process.send({ isEmpty }, () => process.exit(0));
