/** The process that sends. */
import { drive, type Outlet } from './loads.js';
import { answerParent, type RunSetup, type Sent, setupOfChild } from './messages.js';
import { senders } from './senders.js';
import { makeToken, micros } from './tokens.js';

const setup = setupOfChild<RunSetup>();
let sent = 0;
let stored = 0;
let onAnswer = () => {};
const sender = senders[setup.contender](setup, (tokens) => {
  stored += tokens;
  onAnswer();
});
const outlet: Outlet = {
  streams: setup.streams,
  get unanswered() {
    return sent - stored;
  },
  send(stream) {
    sender.send(stream, makeToken(stream, sent++));
  },
  answered: () =>
    new Promise((resolve) => {
      onAnswer = resolve;
    }),
};

answerParent({
  open: async () => {
    await sender.open(setup.streams);
    return undefined;
  },
  warmUp: () => phase(setup.warmUpMs),
  measure: () => phase(setup.measureMs),
});

async function phase(forMs: number): Promise<Sent> {
  const [before, startedAt, cpu] = [sent, micros(), process.cpuUsage()];
  await drive(setup.load, outlet, forMs);
  const { user, system } = process.cpuUsage(cpu);
  return { total: sent, tokens: sent - before, startedAt, cpuMicros: user + system };
}
