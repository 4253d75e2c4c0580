// biome-ignore-all lint/nursery/noFloatingPromises: what nobody awaits is what this is about.
/**
 * A process that awaits nothing: makes each call of the entry for transcripts, and those of diagnostics, bare, so that it fails. Any unhandled
 * rejection ends it.
 */
import {
  clearTranscripts,
  createMongoTranscripts,
  hydrateTranscript,
  readTranscript,
  saveTranscript,
  transcriptsOf,
} from 'generation-jobs/transcripts';
import { openAgentLog, startControlServer } from 'generation-jobs/worker';

let untold = 8;
const warn = console.error;
console.error = (text) => {
  untold--;
  warn(text);
};

// One for each call: an error is told once, however many calls it met.
const store = () => createMongoTranscripts({ mongo: { getClient: () => null } });
const conversation = { agentId: 'a', conversationId: 'c' };
const { signal } = new AbortController();
store().latest(conversation, signal);
store().save({ ...conversation, runId: 'r' }, [], { signal });
store().clear(conversation, signal);
hydrateTranscript(transcriptsOf(store(), conversation), {});
saveTranscript(transcriptsOf(store(), conversation), {}); // never rejects
clearTranscripts(transcriptsOf(store(), conversation), { none: 1 });
readTranscript('none');
openAgentLog({});
startControlServer({});
const deadline = Date.now() + 10_000;
while (untold > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
