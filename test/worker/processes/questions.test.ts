/** Agents that ask: the job pauses, the process waits, and hears what was decided, or no. */
import { writeFileSync } from 'node:fs';
import type { Continuation, GenerationJob } from 'generation-jobs';
import {
  type AgentMapper,
  type AgentProcessEnd,
  agentProcesses,
  type QuestionManager,
  resumeAgentProcess,
} from 'generation-jobs/worker';
import { expect, it, vi } from 'vitest';
import { isAlive, Stage, type Step } from './stage.js';

const say = (line: object): Step => ['say', line];
const ask = (id = 'r-1'): Step =>
  say({
    ...{ type: 'control_request', request_id: id },
    request: {
      subtype: 'can_use_tool',
      tool_name: 'Bash',
      input: { command: 'rm a' },
      tool_use_id: `call-${id}`,
    },
  });
const cancel = (id = 'r-1') => say({ type: 'control_cancel_request', request_id: id });
const speak = (text: string) => say({ type: 'assistant', message: { content: [{ type: 'text', text }] } });
const done = say({ type: 'result', subtype: 'success', is_error: false, result: 'ok' });
const hear: Step = ['hear', 'claude'];

class Asking extends Stage {
  /** Runs an agent that asks, and gives the action once it does. One that does not leave by itself is given a short grace time. */
  async asked(steps: readonly Step[], expiresInMs?: number, graceMs = 60_000) {
    const job = await this.job();
    const questions = { manager: this.manager, ...(expiresInMs && { expiresInMs }) };
    const paused = this.run(job, steps, { mapper: 'claude-code', graceMs, questions });
    const action = await vi.waitUntil(() => this.manager.approvals.peek(job.streamId), { timeout: 60_000 });
    return { job, paused, action };
  }

  async decide(job: GenerationJob, actionId: string, decision: 'approve' | 'reject' = 'approve') {
    const { requests } = (await this.manager.approvals.peek(job.streamId)) ?? { requests: [] };
    const decisions = requests.map(({ id }) => ({ id, decision }));
    return this.manager.approvals.resolve(job.streamId, { actionId, decisions, by: 'ann' });
  }

  async texts(job: GenerationJob): Promise<string> {
    const { parts } = await this.content(job);
    return parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
  }

  /** How the job has ended: its failure's code, or its status. */
  async ended(job: GenerationJob): Promise<string> {
    const look = async () => {
      const record = await this.manager.getJob(job.streamId);
      return record?.endedAt === undefined ? undefined : (record.error?.code ?? record.status);
    };
    return vi.waitUntil(look, { timeout: 60_000 });
  }

  /** The pid of the stream's agent. */
  pid(job: GenerationJob): number | undefined {
    return agentProcesses().find(({ key }) => key.id === job.key.id && key.streamId === job.streamId)?.pid;
  }
}

/** A promise that the test keeps. */
function gate() {
  let open = () => {};
  const isOpen = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { isOpen, open: () => open() };
}

const noAgent = () => vi.waitUntil(() => agentProcesses().length === 0, { timeout: 60_000 });

it('a question pauses the job; the decision goes to the same process, which goes on', async () => {
  await using stage = new Asking();
  const { job, paused, action } = await stage.asked([speak('Before. '), ask(), hear, speak(' After.'), done]);
  expect((await paused).reason).toBe('paused');
  expect(action).toMatchObject({ type: 'tool_approval', requests: [{ id: 'call-r-1', name: 'Bash' }] });
  expect(agentProcesses()).toMatchObject([{ state: 'asking', generation: job.generation }]);
  const { job: next, continuation } = await stage.decide(job, action.actionId);
  const { reason } = await resumeAgentProcess(next, continuation);
  expect(reason).toBe('completed');
  const texts = await stage.texts(next);
  expect(texts).toMatch(/^Before\. \{.*"behavior":"allow","updatedInput":\{"command":"rm a"\}.*\} After\.$/);
  const { parts } = await stage.content(next);
  expect(parts.find(({ type }) => type === 'tool')).toMatchObject({
    approval: { decision: 'approve', by: 'ann' },
  });
  await noAgent();
});

it('questions that come together are asked one after the other, and what is said meanwhile is kept', async () => {
  await using stage = new Asking();
  const { job, action } = await stage.asked([ask('r-1'), ask('r-2'), speak('Meanwhile. '), hear, hear, done]);
  const first = await stage.decide(job, action.actionId, 'reject');
  // As the routes run what `onResume` returns.
  const run = (next: GenerationJob, from: Continuation) => next.run(() => resumeAgentProcess(next, from));
  expect((await run(first.job, first.continuation)).reason).toBe('paused');
  const second = (await stage.manager.approvals.peek(job.streamId))?.actionId ?? '';
  const { job: last, continuation } = await stage.decide(job, second);
  expect((await run(last, continuation)).reason).toBe('completed');
  expect(await stage.texts(job)).toMatch(/^Meanwhile\. .*r-1.*deny.*r-2.*allow/);
});

it('an abort while it waits is a no to the agent, which then goes', async () => {
  await using stage = new Asking();
  const { job } = await stage.asked([
    ['ignore', 'SIGTERM'],
    ask(),
    hear,
    ['hear end'],
    ['note', stage.path('end'), 'left'],
  ]);
  const pid = stage.pid(job) as number;
  await stage.manager.abortJob(job.streamId);
  await noAgent();
  expect(isAlive(pid)).toBe(false);
  expect(stage.read('end')).toBe('left');
});

it('an expiry is a no to the agent, which then goes', async () => {
  await using stage = new Asking({ options: { sweepMs: 50, leaseMs: 200, renewMs: 50 } });
  const note: Step = ['note', stage.path('end'), 'left'];
  const { job } = await stage.asked([['ignore', 'SIGTERM'], ask(), ['hear end'], note], 300);
  expect(await stage.ended(job)).toBe('expired');
  await noAgent();
  expect(stage.read('end')).toBe('left');
});

it('a newer generation of the stream is a no to the agent, and starts when it has gone', async () => {
  await using stage = new Asking();
  const { job } = await stage.asked([
    ['ignore', 'SIGTERM'],
    ask(),
    ['hear end'],
    ['note', stage.path('order'), 'first '],
  ]);
  const newer = await stage.job(job.streamId);
  const steps: Step[] = [['note', stage.path('order'), 'second'], speak('Anew.'), done];
  expect((await stage.run(newer, steps, { mapper: 'claude-code' })).reason).toBe('completed');
  expect(stage.read('order')).toBe('first second');
});

it('a newer generation that comes while the agent is leaving waits until it has gone', async () => {
  await using stage = new Asking();
  const go = stage.path('go');
  const { job } = await stage.asked([
    ['ignore', 'SIGTERM'],
    ask(),
    ['wait for', go],
    ['note', stage.path('order'), 'first '],
  ]);
  const newer = await stage.job(job.streamId);
  await vi.waitUntil(() => agentProcesses()[0]?.state === 'stopping', { timeout: 60_000 });
  const steps: Step[] = [['note', stage.path('order'), 'second'], speak('Anew.'), done];
  const ended = stage.run(newer, steps, { mapper: 'claude-code' });
  writeFileSync(go, '');
  expect((await ended).reason).toBe('completed');
  expect(stage.read('order')).toBe('first second');
});

it('a handle that is given twice is refused the second time, and the run goes on', async () => {
  await using stage = new Asking();
  const { job, action } = await stage.asked([ask(), hear, speak(' After.'), done]);
  const { job: next, continuation } = await stage.decide(job, action.actionId);
  const first = resumeAgentProcess(next, continuation);
  await expect(resumeAgentProcess(next, continuation)).rejects.toMatchObject({ code: 'agent_running' });
  expect((await first).reason).toBe('completed');
  expect(await stage.texts(next)).toMatch(/allow.* After\.$/);
});

it('an abort between the decision and the agent’s going on ends the run, and the agent', async () => {
  await using stage = new Asking();
  const { job, action } = await stage.asked([['ignore', 'SIGTERM'], ask(), ['hang']], undefined, 100);
  const { job: next, continuation } = await stage.decide(job, action.actionId);
  const pid = stage.pid(job) as number;
  const going = resumeAgentProcess(next, continuation);
  await stage.manager.abortJob(job.streamId);
  expect((await going).reason).toBe('aborted');
  await noAgent();
  expect(isAlive(pid)).toBe(false);
  expect((await stage.manager.getJob(job.streamId))?.status).toBe('aborted');
});

it('a stopped process hears nothing, and its question’s expiry ends it all the same', async () => {
  await using stage = new Asking({ options: { sweepMs: 50, leaseMs: 200, renewMs: 50 } });
  const { job } = await stage.asked([ask(), ['hang']], 300, 100);
  const pid = stage.pid(job) as number;
  process.kill(pid, 'SIGSTOP');
  expect(await stage.ended(job)).toBe('expired');
  await noAgent();
  expect(isAlive(pid)).toBe(false);
});

it('a mapper of the host’s own that throws over its question fails the run, and leaves no agent', async () => {
  await using stage = new Asking();
  const thrower: AgentMapper = {
    ...{ name: 'own', lines: 'text', keepsStdin: true },
    start: () => ({
      read: () => ({
        question: {
          id: 'q',
          action: { type: 'ask_user_question', questions: [{ id: 'q', question: 'Well?' }] },
          answer: () => {
            throw new Error('no answer');
          },
          refusal: () => {
            throw new Error('no refusal');
          },
        },
      }),
      close: () => ({ events: [], end: undefined }),
    }),
  };
  const options = { mapper: thrower, graceMs: 100, questions: { manager: stage.manager } };
  const [answered, aborted] = [await stage.job(), await stage.job()];
  for (const job of [answered, aborted])
    expect((await stage.run(job, [['write', 'x\n'], ['hang']], options)).reason).toBe('paused');
  const { actionId = '' } = (await stage.manager.approvals.peek(answered.streamId)) ?? {};
  const answers = [{ id: 'q', text: 'yes' }];
  const decided = await stage.manager.approvals.resolve(answered.streamId, { actionId, answers, by: 'ann' });
  expect((await resumeAgentProcess(decided.job, decided.continuation)).reason).toBe('failed');
  await stage.manager.abortJob(aborted.streamId);
  await noAgent();
});

it('a question that the agent takes back is decided in its name, and it goes on without an answer', async () => {
  await using stage = new Asking();
  const go = stage.path('go');
  const { job } = await stage.asked([ask(), ['wait for', go], cancel(), speak('Never mind.'), done]);
  writeFileSync(go, '');
  expect(await stage.ended(job)).toBe('completed');
  expect(await stage.texts(job)).toBe('Never mind.');
  const [entry] = await stage.manager.approvals.history(job.streamId);
  expect(entry).toMatchObject({ by: 'agent', decisions: [{ decision: 'reject' }] });
  await noAgent();
});

it('a question that is taken back before it is asked is not asked', async () => {
  await using stage = new Asking();
  const job = await stage.job();
  const questions = { manager: stage.manager };
  // Of one piece, so that all are read before the first is asked.
  const lines = [ask('r-1'), ask('r-2'), cancel('r-2')].map(([, line]) => `${JSON.stringify(line)}\n`);
  const {
    paused: _,
    action,
    ...first
  } = await stage.asked([['write', lines.join('')], hear, speak('!'), done]);
  const { job: next, continuation } = await stage.decide(first.job, action.actionId);
  expect((await resumeAgentProcess(next, continuation)).reason).toBe('completed');
  expect(await stage.manager.approvals.history(first.job.streamId)).toHaveLength(1);
  expect((await stage.run(job, [speak('x'), done], { mapper: 'claude-code', questions })).reason).toBe(
    'completed',
  );
});

it('an agent that dies while it waits ends the job by name, without a decision', async () => {
  await using stage = new Asking();
  const { job } = await stage.asked([speak('Half. '), ask(), ['hang']]);
  process.kill(stage.pid(job) as number, 'SIGKILL');
  expect(await stage.ended(job)).toBe('agent_lost');
  expect(await stage.texts(job)).toBe('Half. ');
  await noAgent();
});

it('a handle that comes when the agent has been seen off fails by name, and does not complete', async () => {
  await using stage = new Asking();
  const job = await stage.job();
  const [isOver, mayResolve] = [gate(), gate()];
  const { approvals } = stage.manager;
  const manager: QuestionManager = {
    async *subscribe() {
      await isOver.isOpen;
      yield { event: 'gone', data: {} };
    },
    approvals: {
      resolve: async (...input) => {
        await mayResolve.isOpen;
        return approvals.resolve(...input);
      },
    },
  };
  const options = { mapper: 'claude-code', graceMs: 100, questions: { manager } } as const;
  expect((await stage.run(job, [speak('Half.'), ask(), ['hang']], options)).reason).toBe('paused');
  process.kill(stage.pid(job) as number, 'SIGKILL');
  await vi.waitUntil(() => agentProcesses()[0]?.state === 'stopping', { timeout: 60_000 });
  isOver.open();
  await noAgent();
  mayResolve.open();
  expect(await stage.ended(job)).toBe('agent_lost');
});

it('an agent that dies where nobody may decide for it ends the job by name with the decision', async () => {
  const beforeResolve = ({ by }: { by: string }) => by !== 'agent';
  await using stage = new Asking({ hooks: { beforeResolve } });
  const { job, action } = await stage.asked([ask(), ['hang']]);
  process.kill(stage.pid(job) as number, 'SIGKILL');
  await vi.waitUntil(() => stage.errors.some(({ where }) => where === 'agent'), { timeout: 60_000 });
  const { job: next, continuation } = await stage.decide(job, action.actionId);
  await resumeAgentProcess(next, continuation);
  expect(await stage.failure(job)).toBe('agent_lost');
  await noAgent();
});

it('a decision where the agent is not ends the job by name; the agent hears of it, and goes', async () => {
  await using stage = new Asking();
  const { job, action } = await stage.asked([
    ['ignore', 'SIGTERM'],
    ask(),
    ['hear end'],
    ['note', stage.path('end'), 'left'],
  ]);
  const { job: next, continuation } = await stage.decide(job, action.actionId);
  // As another replica would, whose registry is empty.
  const elsewhere = Object.create(next, {
    key: { value: { ...next.key, id: 'elsewhere' } },
  }) as GenerationJob;
  const run = (produce: (job: GenerationJob) => unknown) => next.run(produce);
  Object.defineProperty(elsewhere, 'run', { value: run });
  await resumeAgentProcess(elsewhere, continuation);
  expect(await stage.failure(job)).toBe('agent_lost');
  await noAgent();
  expect(stage.read('end')).toBe('left');
});

it('without a manager to ask by, a question is refused at once, and counted', async () => {
  await using stage = new Asking();
  const job = await stage.job();
  const { reason, diagnosis } = await stage.run(job, [ask(), hear, done], { mapper: 'claude-code' });
  expect(reason).toBe('completed');
  expect(await stage.texts(job)).toContain('"behavior":"deny"');
  expect(diagnosis?.unknownLines).toEqual({ 'question that nobody can be asked': 1 });
});

it('a question too large to be shown is refused, and the host told', async () => {
  await using stage = new Asking({ options: { limits: { eventBytes: 2_000, bufferBytes: 8_000 } } });
  const job = await stage.job();
  const large = say({
    ...{ type: 'control_request', request_id: 'r' },
    request: {
      subtype: 'can_use_tool',
      tool_name: 'Write',
      input: { text: 'x'.repeat(5_000) },
      tool_use_id: 't',
    },
  });
  const options = { mapper: 'claude-code', questions: { manager: stage.manager } } as const;
  expect((await stage.run(job, [large, hear, done], options)).reason).toBe('completed');
  expect(await stage.texts(job)).toContain('"behavior":"deny"');
  expect(stage.errors).toMatchObject([{ where: 'agent', error: { code: 'event_too_large' } }]);
});

it('a codex question is answered by the ids of its questions', async () => {
  await using stage = new Asking();
  const job = await stage.job();
  const questions = [{ id: 'q', question: 'Which?', options: [{ label: 'a' }, { label: 'b' }] }];
  const steps: Step[] = [
    say({ type: 'request_user_input', call_id: 'c', questions }),
    ['hear', 'claude'],
    say({ type: 'item.completed', item: { id: 'i', type: 'agent_message', text: 'Good.' } }),
    say({ type: 'turn.completed', usage: { input_tokens: 1 } }),
  ];
  const options = { mapper: 'codex', keepStdinOpen: true, questions: { manager: stage.manager } } as const;
  const paused: Promise<AgentProcessEnd> = stage.run(job, steps, options);
  expect((await paused).reason).toBe('paused');
  const { actionId = '' } = (await stage.manager.approvals.peek(job.streamId)) ?? {};
  const answers = [{ id: 'q', selected: ['b'] }];
  const { job: next, continuation } = await stage.manager.approvals.resolve(job.streamId, {
    actionId,
    answers,
    by: 'ann',
  });
  expect((await resumeAgentProcess(next, continuation)).reason).toBe('completed');
  expect((await stage.manager.getJob(job.streamId))?.usage).toEqual({ input_tokens: 1 });
});
