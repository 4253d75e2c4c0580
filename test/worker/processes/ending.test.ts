/** How agents end, and by what name each way that is not well is told: once, and whole to the host alone. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { AgentProcessError, type LineReader } from 'generation-jobs/worker';
import { expect, it, vi } from 'vitest';
import { isAlive, STEPS, Stage, type Step } from './stage.js';

const { start, end, fail, text, compacting } = STEPS;

it('an answer is the job’s content, and the agent’s last line and exit its end', async () => {
  await using stage = new Stage();
  const job = await stage.job();
  const { reason, diagnosis } = await stage.run(job, [
    start,
    text('Hello '),
    ['write', 'noise\n'],
    text('there'),
    end,
  ]);
  expect(reason).toBe('completed');
  expect((await stage.content(job)).parts).toEqual([
    { type: 'status', id: 'status-1', text: 'preparing', state: 'done' },
    { type: 'text', text: 'Hello there' },
  ]);
  expect(diagnosis).toMatchObject({ exitCode: 0, lines: 5, badLines: { count: 1, kept: ['noise'] } });
  expect(stage.errors).toEqual([]);
});

const FAILURES: readonly [string, code: string, readonly Step[]][] = [
  ['exits with a code', 'agent_exited', [start, text('Half'), ['exit', 3]]],
  ['exits with a code after its last line', 'agent_exited', [start, text('All'), end, ['exit', 3]]],
  ['exits at once', 'agent_no_answer', [['exit', 0]]],
  ['prints nothing of an answer', 'agent_no_answer', [start, end]],
  ['exits without its last line', 'agent_incomplete', [start, text('Half')]],
  ['is ended by a signal', 'agent_killed', [start, text('Half'), ['kill', 'SIGKILL']]],
  [
    'is ended by a signal after its last line',
    'agent_killed',
    [start, text('All'), end, ['kill', 'SIGKILL']],
  ],
  [
    'says so three times',
    'agent_failed',
    [start, fail, ['say', { event: 'error' }], ['error', 'boom'], ['exit', 1]],
  ],
  ['fails while it is compacting', 'agent_failed', [start, text('Half'), compacting, fail]],
];

it.each(FAILURES)('an agent that %s fails the job as %s', async (_, code, steps) => {
  await using stage = new Stage();
  const job = await stage.job();
  const events: string[] = [];
  const subscription = stage.manager.subscribe(job.streamId);
  const { reason, error } = await stage.run(job, [['error', 'the secret of standard error'], ...steps]);
  for await (const { event } of subscription) events.push(event);
  expect(reason).toBe('failed');
  expect(await stage.failure(job)).toBe(code);
  expect(events.filter((event) => event === 'failed')).toHaveLength(1);
  expect(stage.errors.map(({ where }) => where)).toEqual(['producer']);
  // The host has all of it, and clients nothing.
  const { cause } = error as { cause: unknown };
  expect(cause).toBeInstanceOf(AgentProcessError);
  expect(cause).toMatchObject({ code, diagnosis: { stderr: expect.stringContaining('the secret of') } });
  expect(JSON.stringify(await stage.manager.getPublicState(job.streamId))).not.toContain('secret');
  // Nothing is shown as being under way.
  const { parts } = await stage.content(job);
  for (const part of parts) if (part.type === 'status') expect(part.state).toBe('done');
});

it('a command that is not there, and a folder that is not there, are told apart', async () => {
  await using stage = new Stage();
  const [none, nowhere, refused] = [await stage.job(), await stage.job(), await stage.job()];
  await stage.run(none, [], { command: 'no-such-agent' });
  await stage.run(nowhere, [], { cwd: stage.path('none') });
  await stage.run(refused, [], { command: stage.folder });
  const long = await stage.job();
  await stage.run(long, [], { args: ['x'.repeat(10_000_000)] });
  expect(await stage.failure(long)).toBe('agent_not_started');
  expect(await stage.failure(none)).toBe('agent_not_found');
  expect(await stage.failure(nowhere)).toBe('agent_not_started');
  expect(await stage.failure(refused)).toBe('agent_not_started');
});

it('an agent that says nothing for too long is ended, and told as silent', async () => {
  await using stage = new Stage();
  const job = await stage.job();
  const { diagnosis } = await stage.run(job, [start, ['ignore', 'SIGTERM'], ['hang']], {
    silenceMs: 400,
    graceMs: 100,
  });
  expect(await stage.failure(job)).toBe('agent_silent');
  expect(diagnosis?.signal).toBe('SIGKILL');
});

it('an agent that stays after its last line is ended, and its answer stands', async () => {
  await using stage = new Stage();
  const job = await stage.job();
  const { reason } = await stage.run(job, [start, text('All'), end, ['hang']], { graceMs: 100 });
  expect(reason).toBe('completed');
});

it('standard input stays open for an agent that is told things, until its last line', async () => {
  await using stage = new Stage();
  const job = await stage.job();
  const steps: Step[] = [start, ['hear'], end, ['hear end']];
  const { reason } = await stage.run(job, steps, { stdin: 'the question\n', keepStdinOpen: true });
  expect(reason).toBe('completed');
  expect((await stage.content(job)).parts.at(-1)).toEqual({ type: 'text', text: 'the question' });
});

it('the environment holds nothing of this process but what finds programs and languages', async () => {
  await using stage = new Stage();
  vi.stubEnv('SERVER_SECRET', 'hidden');
  const printed = async (env?: Record<string, string>) => {
    const job = await stage.job();
    const script = 'console.log(JSON.stringify(process.env))';
    await stage.run(job, [], { args: ['-e', script], mapper: 'raw', ...(env && { env }) });
    return JSON.stringify((await stage.content(job)).parts);
  };
  expect(await printed()).not.toContain('hidden');
  expect(await printed()).toContain('PATH');
  expect(await printed({ ONLY: 'this' })).not.toContain('PATH');
  vi.unstubAllEnvs();
});

it('options that are not known fail the job by name; what is no job is refused', async () => {
  await using stage = new Stage();
  const job = await stage.job();
  const { error } = await stage.run(job, [], { mapper: 'cloude-code' as 'raw', silenceMS: 1 } as object);
  expect(String(error)).toMatch(
    /did you mean "claude-code"\?.*"silenceMS" is not known, did you mean "silenceMs"\?/,
  );
  expect(job.reason).toBe('failed');
  await expect(stage.run({} as never, [])).rejects.toMatchObject({ code: 'invalid_argument' });
});

it('an abort ends the agent, what it has started, and what ignores SIGTERM', async () => {
  await using stage = new Stage();
  const job = await stage.job();
  const forked = stage.path('forked');
  const steps: Step[] = [['ignore', 'SIGTERM'], ['fork', forked], start, text('Working'), ['hang']];
  const ended = stage.run(job, steps, { graceMs: 200 });
  await vi.waitUntil(async () => (await stage.content(job)).parts.length > 1, { timeout: 60_000 });
  const grandchild = Number(stage.read('forked'));
  expect(isAlive(grandchild)).toBe(true);
  await stage.manager.abortJob(job.streamId);
  const { reason, diagnosis } = await ended;
  expect(reason).toBe('aborted');
  expect(diagnosis?.signal).toBe('SIGKILL');
  expect(isAlive(diagnosis?.pid as number)).toBe(false);
  await vi.waitUntil(() => !isAlive(grandchild), { timeout: 60_000 });
  const hasLeft = async () => (await stage.manager.getJob(job.streamId))?.producerLeft;
  await vi.waitUntil(hasLeft, { timeout: 60_000 });
});

it('what an agent leaves behind is ended with it, and holds up no end', async () => {
  await using stage = new Stage();
  const job = await stage.job();
  const { reason } = await stage.run(
    job,
    [['fork', stage.path('forked')], start, text('All'), end, ['exit', 0]],
    {
      graceMs: 200,
    },
  );
  expect(reason).toBe('completed');
  expect(existsSync(stage.path('forked'))).toBe(true);
  await vi.waitUntil(() => !isAlive(Number(stage.read('forked'))), { timeout: 60_000 });
});

it('a process outside the group that prints without end holds up no end', async () => {
  await using stage = new Stage();
  const job = await stage.job();
  const path = stage.path('daemon');
  const { reason } = await stage.run(job, [start, ['daemon', path], text('All'), end, ['exit', 0]], {
    graceMs: 100,
  });
  expect(reason).toBe('completed');
  expect((await stage.content(job)).parts.at(-1)).toEqual({ type: 'text', text: 'All' });
  // Nobody reads any more, which ends it.
  await vi.waitUntil(() => !isAlive(Number(stage.read('daemon'))), { timeout: 60_000 });
});

it('what an agent wrote before it left is read, however short the grace time and however busy the process', async () => {
  await using stage = new Stage();
  const job = await stage.job();
  const steps: Step[] = [start, ['flood', 14, 4_000], text('!'), end, ['exit', 0]];
  const ended = stage.run(job, steps, { graceMs: 1 });
  // Holds the event loop, again and again, for longer than the grace time.
  const busy = setInterval(() => {
    for (const until = performance.now() + 20; performance.now() < until; );
  }, 1);
  expect((await ended).reason).toBe('completed');
  clearInterval(busy);
  expect((await stage.content(job)).parts.at(-1)).toMatchObject({ text: `${'x'.repeat(14 * 4_000)}!` });
});

it('a mapper of the host’s own that throws, or says nothing, fails its own run by name', async () => {
  await using stage = new Stage();
  const thrower = (): never => {
    throw new Error('the mapper of the host');
  };
  const own = { name: 'own', lines: 'text', keepsStdin: false } as const;
  const read = () => ({ events: [{ event: 'text', data: { text: 'x' } }] });
  const close = () => ({ events: [], end: { ok: true } as const });
  const codeOf = async (reader: () => LineReader) => {
    const job = await stage.job();
    const { diagnosis } = await stage.run(job, [['write', 'line\n']], { mapper: { ...own, start: reader } });
    return { code: await stage.failure(job), bad: diagnosis?.badLines.count };
  };
  expect(await codeOf(thrower)).toEqual({ code: 'agent_not_started', bad: undefined });
  expect(await codeOf(() => ({ read, close: thrower }))).toEqual({ code: 'agent_incomplete', bad: 1 });
  expect(await codeOf(() => ({ read: thrower, close }))).toEqual({ code: 'agent_no_answer', bad: 1 });
  const nothing = () => null as never;
  expect(await codeOf(() => ({ read: nothing, close }))).toEqual({ code: 'agent_no_answer', bad: 1 });
  expect(await codeOf(() => ({ read, close }))).toEqual({ code: undefined, bad: 0 });
});

it('where files have run out, the job fails by name and the process goes on', async () => {
  const program = `
    import { openSync } from 'node:fs';
    import { createStreamServices, GenerationJobManager } from 'generation-jobs';
    import { runAgentProcess } from 'generation-jobs/worker';
    const manager = new GenerationJobManager(createStreamServices());
    const { job } = await manager.createJob({ streamId: 's', userId: 'ada' });
    const options = { command: 'true', mapper: 'raw' };
    try { for (;;) openSync('/dev/null'); } catch {}
    await runAgentProcess(job, options);
    const { error } = await manager.getJob('s');
    await manager.close();
    console.log(error.code);`;
  const script = 'ulimit -n 400; exec "$0" --input-type=module -e "$1"';
  const { stdout, status } = spawnSync('sh', ['-c', script, process.execPath, program], { encoding: 'utf8' });
  expect({ stdout, status }).toEqual({ stdout: 'agent_not_started\n', status: 0 });
});

it('an agent that takes SIGTERM is not ended by SIGKILL', async () => {
  await using stage = new Stage();
  const job = await stage.job();
  const ended = stage.run(job, [start, text('Working'), ['hang']], { graceMs: 60_000 });
  await vi.waitUntil(async () => (await stage.content(job)).parts.length > 1, { timeout: 60_000 });
  await stage.manager.abortJob(job.streamId);
  expect((await ended).diagnosis?.signal).toBe('SIGTERM');
});
