/**
 * A worker as a process: the built client with an outbox, over whichever of the gateways answers. argv[2] is JSON: `library`,
 * `urls`, `token`, `outbox` (a path), `life` (its name in what it writes), `total` and `everyMs`. It reports what it has been told
 * is kept, at once and in order, so that what was reported before a SIGKILL is what had happened.
 */
import Libsql from 'libsql';

process.on('disconnect', () => process.exit(0));
if (!process.connected) process.exit(0);

const { library, urls, token, outbox: path, life, total, everyMs } = JSON.parse(process.argv[2]);
const { createWorkerClient, openOutbox } = await import(new URL('worker/index.js', library).href);

/** Asks one gateway after the other: each is as good. */
let chosen = 0;
async function send(url, init) {
  const rest = url.slice('http://gateways'.length);
  try {
    return await fetch(urls[chosen] + rest, init);
  } catch (error) {
    chosen = (chosen + 1) % urls.length;
    throw error;
  }
}

const outbox = openOutbox({ database: new Libsql(path), retryMs: 50, longestRetryMs: 500 });
const client = await createWorkerClient({
  ...{ url: 'http://gateways', token, outbox, fetch: send, onError: () => {} },
}).catch((error) => ({ error }));
if (client.error) {
  process.send({ refused: client.error.reason ?? client.error.code });
} else {
  process.send({ began: true });
  const { reason } = await client.job.run(async (job) => {
    for (let n = 1; n <= total; n++) {
      await job.emit({ event: 'text', data: { life, n } });
      await job.flush();
      process.send({ kept: n });
      if (everyMs > 0) await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  });
  process.send({ ended: reason });
  await client.close({ graceMs: 30_000 });
}
await outbox.close();
process.send({ closed: true }, () => process.exit(0));
