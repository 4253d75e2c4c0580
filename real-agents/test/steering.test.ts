/** Messages that are sent to an agent while it works: given to the model where the SDK lets them in, and shown there. */
import { runAgent } from 'generation-jobs/agents';
import { beforeAll, expect, it } from 'vitest';
import { loadSdk, runFactory, type Sdk, toolHandlers, userSays } from '../support/agents.mjs';
import { namesOf, partsOf, replica, startJob, until } from '../support/harness.js';

let sdk: Sdk;
beforeAll(async () => {
  sdk = await loadSdk();
});

const PAY = [
  { text: ['Moving ', 'money.'], tools: [{ id: 'c1', name: 'transfer', args: { amount: 10 } }] },
  { text: ['All ', 'done.'] },
];
/** What the model is given as the user's, call by call. */
function heard(calls: string[][]) {
  return (messages: object[]) => {
    const said = messages as { getType(): string; content: unknown }[];
    calls.push(said.filter((one) => one.getType() === 'human').map(({ content }) => String(content)));
  };
}

it('L109 one that steers goes to the model after the tools, and stands between them and what the model says next', async () => {
  const manager = replica();
  const job = await startJob(manager);
  const calls: string[][] = [];
  const handlers = toolHandlers(async () => {
    await manager.inbox.send('s', { message: { text: 'only five' }, by: 'ann' });
    await manager.inbox.send('s', { message: 'to eve' });
    return 'moved';
  });
  const createRun = runFactory(sdk, { script: PAY, onTurn: heard(calls) });
  expect(await runAgent(job, createRun, userSays(sdk, 'pay'), { handlers })).toEqual({ reason: 'completed' });
  expect(calls).toEqual([['pay'], ['pay', 'only five', 'to eve']]);
  const parts = await partsOf(manager);
  expect(parts.map((part) => (part as { type: string }).type)).toEqual([
    'text',
    'tool_call',
    'message',
    'message',
    'text',
  ]);
  expect(parts[2]).toMatchObject({ message: { text: 'only five' }, by: 'ann', kind: 'steer' });
  expect(await manager.getJob('s')).toMatchObject({ inbox: [], unsent: [] });
});

it('L109 one that preempts ends the model’s turn, keeps what was said, and goes on with the message', async () => {
  const manager = replica();
  const job = await startJob(manager);
  const calls: string[][] = [];
  const long = Array.from({ length: 400 }, (_, at) => `word${at} `);
  const createRun = runFactory(sdk, {
    ...{ script: [{ text: long }], delayMs: 5, onTurn: heard(calls) },
  });
  const running = runAgent(job, createRun, userSays(sdk, 'tell'));
  await until(
    async () => ((await partsOf(manager))[0] as { text?: string })?.text?.includes('word3 '),
    'it talks',
  );
  await manager.inbox.send('s', { message: 'stop that', kind: 'preempt' });
  await until(() => calls.length === 2, 'the model is called again');
  expect(calls[1]).toEqual(['tell', 'stop that']);
  expect(await running).toEqual({ reason: 'completed' });
  const [first, message, second] = (await partsOf(manager)) as { type: string; text?: string }[];
  expect([first?.type, message?.type, second?.type]).toEqual(['text', 'message', 'text']);
  expect(first?.text).toContain('word3 ');
  expect(first?.text).not.toContain('word399 ');
});

it('L109 one that comes as the answer ends is answered in the same run; what comes behind that is left unsent', async () => {
  const manager = replica();
  const job = await startJob(manager);
  const calls: string[][] = [];
  let sent = 0;
  const onTurn = (messages: object[]) => {
    heard(calls)(messages);
    if (sent++ === 0) void manager.inbox.send('s', { message: 'and then?' });
  };
  const createRun = runFactory(sdk, { script: [{ text: ['So ', 'far.'] }], delayMs: 20, onTurn });
  const final = async () => {
    await manager.inbox.send('s', { message: 'too late' });
    return 'final';
  };
  expect(await runAgent(job, createRun, userSays(sdk, 'tell'), { final })).toEqual({ reason: 'completed' });
  expect(calls).toEqual([['tell'], ['tell', 'and then?']]);
  expect((await namesOf(manager)).filter((name) => name === 'message')).toHaveLength(1);
  expect((await manager.getJob('s'))?.unsent).toMatchObject([{ message: 'too late' }]);
});
