/**
 * A worker with an outbox: it delivers what an earlier process has left, produces runs of its own beside it, and reports
 * each event and report that the outbox has taken, at once, so that what was reported before a SIGKILL is what had happened.
 *
 * argv[2] is the configuration: `OutboxWorkerConfig` of outbox-worker.ts, as JSON.
 */
import { writeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';

process.on('disconnect', () => process.exit(0));
if (!process.connected) process.exit(0);

const config = JSON.parse(process.argv[2]);
const { deliveryOf, openOutbox } = await import(config.library);
const say = (line) => writeSync(1, `${JSON.stringify(line)}\n`);

const database = await openDatabase();
let outbox;
try {
  outbox = openOutbox({
    database,
    retryMs: 5,
    longestRetryMs: 40,
    deliveryMs: 2_000,
    pollMs: 500,
    ...config.settings,
  });
} catch (error) {
  say({ refused: error.code });
  process.exit(3);
}
say({ opened: true });

const reports = outbox.reports('turns', {
  mode: 'append',
  deliver: (report) => post('reports', { key: report.idempotencyKey, data: report.data, at: report.at }),
});
const lanes = outbox.lanes().filter(({ kind }) => kind === 'run');
const left = lanes.map(({ name }) => openRun(name)).filter(({ ended }) => ended === undefined);
if (config.drains) await drain();
else await produce();

async function openDatabase() {
  if (config.driver === 'node:sqlite') {
    const { DatabaseSync } = await import('node:sqlite');
    return new DatabaseSync(config.path);
  }
  const { default: Database } = await import('libsql');
  return new Database(config.path);
}

function openRun(name) {
  return outbox.run(name, {
    deliver: (items) => post('events', { run: name, items }),
    onEnded: ({ reason }) => say({ ended: name, reason }),
  });
}

async function post(path, body) {
  const response = await fetch(`${config.url}/${path}`, { method: 'POST', body: JSON.stringify(body) });
  const text = await response.text();
  return deliveryOf({ status: response.status, body: text && JSON.parse(text) }, Date.now());
}

/** Runs and reports without an end: whoever started this process ends it. */
async function produce() {
  const runs = Array.from({ length: config.runs }, (_, index) => {
    const name = `${config.name}/${index}`;
    return { name, lane: openRun(name), last: 0 };
  });
  for (let round = 0; ; round++) {
    for (const run of runs) append(run, 1 + (round % 5));
    const key = `${config.name}/${round}`;
    reports.put({ round, padding: 'p'.repeat((round * 97) % 400) }, { idempotencyKey: key });
    say({ report: key });
    await nextTurn();
  }
}

function append(run, count) {
  if (run.lane.ended) return;
  const first = run.last + 1;
  const events = Array.from({ length: count }, (_, index) => `${run.name}:${first + index}`);
  run.lane.append(first, count, JSON.stringify(events));
  run.last += count;
  say({ run: run.name, last: run.last });
}

/** Delivers everything, says what is set aside, and ends. */
async function drain() {
  await Promise.all([reports, ...left].map((lane) => lane.idle()));
  for (let after = 0; ; ) {
    const page = outbox.setAside({ after });
    for (const { id, lane, reason } of page) say({ aside: lane, reason, text: outbox.setAsideText(id) });
    if (page.length === 0) break;
    after = page.at(-1).id;
  }
  say({ drained: outbox.stats() });
  await outbox.close();
  process.exit(0);
}
