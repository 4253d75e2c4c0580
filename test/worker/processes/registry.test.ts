/** The agents of a process, as every copy of the module sees them. */
import { spawnSync } from 'node:child_process';
import { agentProcesses, resumeAgentProcess, runAgentProcess } from 'generation-jobs/worker';
import { expect, it, vi } from 'vitest';
import { AGENT, isAlive, STEPS, Stage } from './stage.js';

const { start, end, text } = STEPS;

it('a second start of the same generation is refused by name, and harms neither job nor agent', async () => {
  await using stage = new Stage();
  const job = await stage.job();
  const go = stage.path('go');
  const first = stage.run(job, [start, ['wait for', go], text('Once'), end]);
  await expect(stage.run(job, [start, text('Twice'), end])).rejects.toMatchObject({ code: 'agent_running' });
  expect(agentProcesses()).toMatchObject([{ state: 'running', key: { streamId: job.streamId } }]);
  const { writeFileSync } = await import('node:fs');
  writeFileSync(go, '');
  expect((await first).reason).toBe('completed');
  expect((await stage.content(job)).parts.at(-1)).toEqual({ type: 'text', text: 'Once' });
  expect(agentProcesses()).toEqual([]);
});

it('a module that is loaded anew finds the agents of the one before', async () => {
  await using stage = new Stage();
  const job = await stage.job();
  const first = stage.run(job, [start, ['hang']]);
  vi.resetModules();
  const anew = await import('../../../src/worker/process/run-agent-process.js');
  expect(anew.runAgentProcess).not.toBe(runAgentProcess);
  expect(anew.agentProcesses()).toHaveLength(1);
  const again = anew.runAgentProcess(job, { command: 'node', mapper: 'raw' });
  await expect(again).rejects.toMatchObject({ code: 'agent_running' });
  // The next generation sees the other copy's agent off.
  const newer = await stage.job(job.streamId);
  const options = {
    command: process.execPath,
    args: [AGENT, JSON.stringify([text('New')])],
    mapper: 'raw',
  } as const;
  expect((await anew.runAgentProcess(newer, options)).reason).toBe('completed');
  expect((await first).reason).toBe('replaced');
});

it('the followers of an agent that a page has left rejoin it, and find the whole answer', async () => {
  await using stage = new Stage();
  const job = await stage.job();
  const go = stage.path('go');
  const ended = stage.run(job, [start, text('Before '), ['wait for', go], text('after'), end]);
  const first = stage.manager.subscribe(job.streamId);
  for await (const { event } of first) if (event === 'text') break;
  const { writeFileSync } = await import('node:fs');
  writeFileSync(go, '');
  await ended;
  const { state } = await stage.manager.subscribeWithResume(job.streamId);
  expect(state).toMatchObject({ status: 'completed', content: { parts: [{}, { text: 'Before after' }] } });
});

it('an agent is ended when its process ends in an orderly way', async () => {
  await using stage = new Stage();
  const pidFile = stage.path('pid');
  const program = `
    import { createStreamServices, GenerationJobManager } from 'generation-jobs';
    import { runAgentProcess } from 'generation-jobs/worker';
    import { existsSync } from 'node:fs';
    const manager = new GenerationJobManager(createStreamServices());
    const { job } = await manager.createJob({ streamId: 's', userId: 'ada' });
    void runAgentProcess(job, { command: process.execPath, args: ${JSON.stringify([AGENT, JSON.stringify([['ignore', 'SIGTERM'], ['pid', pidFile], ['hang']])])}, mapper: 'raw' });
    while (!existsSync(${JSON.stringify(pidFile)})) await new Promise((resolve) => setTimeout(resolve, 10));
    process.exit(0);`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  await vi.waitUntil(() => !isAlive(Number(stage.read('pid'))), { timeout: 60_000 });
});

it('a decision for a stream that has no agent here fails the job by name', async () => {
  await using stage = new Stage();
  const job = await stage.job();
  await resumeAgentProcess(job, { record: {}, content: null, sequence: 0, kept: [] } as never);
  expect(await stage.failure(job)).toBe('agent_lost');
});
