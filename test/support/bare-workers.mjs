// biome-ignore-all lint/nursery/noFloatingPromises: what nobody awaits is what this is about.
/**
 * A process that awaits nothing: makes each call of the entries for workers that belongs to no manager bare, so that it fails. Any
 * unhandled rejection ends it.
 */
import { createWorkerClient } from 'generation-jobs/worker';
import { issueRunToken, verifyRunToken } from 'generation-jobs/worker/gateway';

let untold = 3;
const warn = console.error;
console.error = (text) => {
  untold--;
  warn(text);
};

const keys = [{ id: 'k', secret: 'x'.repeat(32) }];
issueRunToken({}, { keys, agentId: 'a' });
verifyRunToken('none', { keys });
createWorkerClient({ url: 'nowhere', token: 'none' });
const deadline = Date.now() + 10_000;
while (untold > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
