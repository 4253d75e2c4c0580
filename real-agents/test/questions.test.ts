/** Tools that ask the user, by the SDK's own helpers: one question or several, options, free text. */
import { type Checkpointer, createCheckpointer, resumeAgent, runAgent } from 'generation-jobs/agents';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadSdk, runFactory, type Sdk, type Turn, userSays } from '../support/agents.mjs';
import { decide, partsOf, replica, startJob } from '../support/harness.js';

let sdk: Sdk;
let checkpointer: Checkpointer;
beforeAll(async () => {
  sdk = await loadSdk();
});
beforeEach(async () => {
  checkpointer = await createCheckpointer({ saver: new sdk.MemorySaver() });
});

/** What the model was told of its tools, call by call. */
function agentThatAsks(script: readonly Turn[]) {
  const told: string[] = [];
  const createRun = runFactory(sdk, {
    script,
    asksUser: true,
    onTurn(messages) {
      const last = messages.at(-1) as { getType(): string; content: string };
      if (last.getType() === 'tool') told.push(last.content);
    },
  });
  return { createRun, told };
}

const COLOURS = [
  { label: 'Red', value: 'r' },
  { label: 'Blue', value: 'b' },
];

describe('a tool that asks one question', () => {
  for (const [how, args, answer, text] of [
    ['an option', { question: 'Which?', options: COLOURS }, { selected: ['b'] }, 'b'],
    [
      'several options',
      { question: 'Which?', options: COLOURS, multiSelect: true },
      { selected: ['r', 'b'] },
      'r, b',
    ],
    ['free text', { question: 'Which?' }, { text: 'green, "please"' }, 'green, "please"'],
    [
      'an option and text',
      { question: 'Which?', options: COLOURS },
      { selected: ['b'], text: 'dark' },
      'b\ndark',
    ],
  ] as const) {
    it(`pauses, and the model sees the answer: ${how}`, async () => {
      const { createRun, told } = agentThatAsks([
        { text: ['Well. '], tools: [{ id: 'q1', name: 'ask_user', args }] },
        { text: ['Thanks.'] },
      ]);
      const manager = replica();
      const job = await startJob(manager);
      expect(await runAgent(job, createRun, userSays(sdk, 'paint'), { checkpointer })).toEqual({
        reason: 'paused',
      });
      expect(await manager.approvals.peek('s')).toMatchObject({
        type: 'ask_user_question',
        questions: [{ id: 'question', question: 'Which?' }],
      });
      const next = await decide(manager, { answers: [{ id: 'question', ...answer }] as never });
      expect(await resumeAgent(next.job, next.continuation, createRun, { checkpointer })).toEqual({
        reason: 'completed',
      });
      expect(told).toEqual([`The user says: ${text}`]);
      expect(await partsOf(manager)).toMatchObject([
        { type: 'text', text: 'Well. ' },
        { type: 'tool_call', tool_call: { id: 'q1', output: `The user says: ${text}` } },
        { type: 'text', text: 'Thanks.' },
      ]);
    });
  }

  it('and then another in a later turn is asked and answered twice', async () => {
    const ask = (id: string, question: string) => ({ tools: [{ id, name: 'ask_user', args: { question } }] });
    const { createRun, told } = agentThatAsks([ask('q1', 'One?'), ask('q2', 'Two?'), { text: ['Thanks.'] }]);
    const manager = replica();
    let end = await runAgent(await startJob(manager), createRun, userSays(sdk, 'go'), { checkpointer });
    for (const text of ['first', 'second']) {
      expect(end).toEqual({ reason: 'paused' });
      const { job, continuation } = await decide(manager, { answers: [{ id: 'question', text }] });
      end = await resumeAgent(job, continuation, createRun, { checkpointer });
    }
    expect(end).toEqual({ reason: 'completed' });
    expect(told).toEqual(['The user says: first', 'The user says: second']);
  });
});

describe('a tool that asks several questions at once', () => {
  it('gets each answer under its own id', async () => {
    const questions = [
      { id: 'colour', question: 'Which colour?', options: COLOURS },
      {
        id: 'rooms',
        question: 'Which rooms?',
        options: [
          { label: 'Hall', value: 'hall' },
          { label: 'Attic', value: 'attic' },
        ],
        multiSelect: true,
      },
      { id: 'when', question: 'When?' },
    ];
    const { createRun, told } = agentThatAsks([
      { tools: [{ id: 'q1', name: 'ask_user_questions', args: { questions } }] },
      { text: ['Thanks.'] },
    ]);
    const manager = replica();
    await runAgent(await startJob(manager), createRun, userSays(sdk, 'paint'), { checkpointer });
    const action = await manager.approvals.peek('s');
    expect(action?.questions.map(({ id, multiSelect }) => [id, multiSelect])).toEqual([
      ['colour', false],
      ['rooms', true],
      ['when', false],
    ]);
    const { job, continuation } = await decide(manager, {
      answers: [
        { id: 'when', text: 'tomorrow' },
        { id: 'rooms', selected: ['hall', 'attic'] },
        { id: 'colour', selected: ['r'] },
      ],
    });
    expect(await resumeAgent(job, continuation, createRun, { checkpointer })).toEqual({
      reason: 'completed',
    });
    expect(JSON.parse(told[0] ?? '')).toEqual({ colour: 'r', rooms: 'hall, attic', when: 'tomorrow' });
  });
});
