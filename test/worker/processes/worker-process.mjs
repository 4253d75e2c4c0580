/**
 * A worker as a process: the built client with an outbox, over whichever of the gateways answers. argv[2] is JSON: `library`,
 * `urls`, `token`, `outbox` (a path), `driver` (its SQLite library), `life` (its name in what it writes), `total`, `everyMs`, and
 * `burst`: the events it emits before it waits. It reports what it has been told is kept, at once and in order, so that what was
 * reported before a SIGKILL is what had happened; and at its end what the outbox still holds.
 */

process.on('disconnect', () => process.exit(0));
if (!process.connected) process.exit(0);

const config = JSON.parse(process.argv[2]);
const { library, urls, token, outbox: path, driver = 'libsql', life, total, everyMs, burst = 1 } = config;
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

async function openDatabase() {
  if (driver === 'node:sqlite') {
    const { DatabaseSync } = await import('node:sqlite');
    return new DatabaseSync(path);
  }
  const { default: Database } = await import('libsql');
  return new Database(path);
}

/** What the outbox has set aside, with its texts, and its counts. */
function whatIsLeft() {
  const aside = [];
  for (let after = 0; ; ) {
    const page = outbox.setAside({ after });
    for (const { id, reason } of page) aside.push({ reason, text: outbox.setAsideText(id) });
    if (page.length === 0) return { aside, stats: outbox.stats() };
    after = page.at(-1).id;
  }
}

const outbox = openOutbox({ database: await openDatabase(), retryMs: 50, longestRetryMs: 500 });
const client = await createWorkerClient({
  ...{ url: 'http://gateways', token, outbox, fetch: send, startMs: 300_000, onError: () => {} },
}).catch((error) => ({ error }));
if (client.error) {
  process.send({ refused: client.error.reason ?? client.error.code });
} else {
  process.send({ began: true });
  const { reason } = await client.job.run(async (job) => {
    for (let n = 0; n < total; ) {
      for (const last = Math.min(total, n + burst); n < last; ) {
        await job.emit({ event: 'text', data: { life, n: ++n } });
        void job.addUsage({ events: 1 }).catch(() => {}); // told by the flush
      }
      await job.flush();
      process.send({ kept: n });
      if (everyMs > 0) await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  });
  process.send({ ended: reason });
  await client.close({ graceMs: 30_000 });
}
process.send({ left: whatIsLeft() });
await outbox.close();
process.send({ closed: true }, () => process.exit(0));
