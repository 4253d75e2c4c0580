import {
  createStreamServices,
  type ErrorReport,
  GenerationJobManager,
  type StreamEvent,
} from 'generation-jobs';
import { createRunHandlers, type OversizedPart } from 'generation-jobs/agents';
import { afterEach, describe, expect, it } from 'vitest';

const MIB = 1024 * 1024;
const managers: GenerationJobManager[] = [];

afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close();
});

async function startJob() {
  const reports: ErrorReport[] = [];
  const hooks = { onError: (report: ErrorReport) => void reports.push(report) };
  const manager = new GenerationJobManager({ ...createStreamServices(), hooks });
  managers.push(manager);
  const created = await manager.createJob({ streamId: 's', userId: 'ann' });
  if (!created.started) throw new Error('not started');
  return { manager, job: created.job, reports };
}

const completed = (output: unknown) => ({
  result: { id: 'step', tool_call: { id: 'call', name: 'search', args: '{}', output } },
});

async function lastOf(manager: GenerationJobManager): Promise<StreamEvent | undefined> {
  const events: StreamEvent[] = [];
  for await (const event of manager.subscribe('s')) events.push(event);
  return events.at(-2);
}

describe('an event of a run that is larger than an event may be', () => {
  it.each([
    [
      'sixty blocks of 6,000 characters',
      Array.from({ length: 60 }, () => ({ type: 'text', text: 'x'.repeat(6_000) })),
    ],
    ['forty of 7,000', Array.from({ length: 40 }, () => 'y'.repeat(7_000))],
    [
      'sixty named ones',
      Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`k${n}`, 'z'.repeat(6_000)])),
    ],
  ])('is cut as one when %s are each too small to cut, and the run goes on', async (_, output) => {
    const { manager, job, reports } = await startJob();
    const refused: unknown[] = [];
    const handlers = createRunHandlers(job, { onRefused: (error) => refused.push(error) });
    await handlers.on_run_step_completed?.handle('on_run_step_completed', completed(output));
    await job.complete();
    const { event, data } = (await lastOf(manager)) ?? {};
    expect(event).toBe('on_run_step_completed');
    expect(JSON.stringify(data).length).toBeLessThan(256 * 1024);
    expect((data as { cut: unknown[] }).cut).toHaveLength(1);
    expect(refused).toEqual([]);
    expect(reports).toEqual([]);
  });

  it('is told with a marked preview, its size and the host’s reference, and the run goes on', async () => {
    const { manager, job } = await startJob();
    const refused: unknown[] = [];
    const results: unknown[] = [];
    const stored: OversizedPart[] = [];
    const handlers = createRunHandlers(job, {
      onRefused: (error) => refused.push(error),
      onToolResult: ({ output }) => results.push(output),
      storeOversized: async (part) => {
        stored.push(part);
        return 'blob://1';
      },
    });
    const output = 'é'.repeat(MIB);
    await handlers.on_run_step_completed?.handle('on_run_step_completed', completed(output));
    await job.complete();
    const { event, data } = (await lastOf(manager)) ?? {};
    const bytes = 2 * MIB + 2;
    expect(event).toBe('on_run_step_completed');
    expect(data).toMatchObject({
      result: {
        tool_call: {
          id: 'call',
          name: 'search',
          output: expect.stringMatching(/^é{2000}\n\[… cut: 2097154 /),
        },
      },
      cut: [{ path: 'result.tool_call.output', bytes, reference: 'blob://1' }],
    });
    expect(stored).toEqual([
      { event: 'on_run_step_completed', path: 'result.tool_call.output', value: output, bytes },
    ]);
    expect([refused, results]).toEqual([[], [output]]);
  });

  it.each([
    ['a text', '😀'.repeat(MIB / 2)],
    ['a list of many', Array.from({ length: 100_000 }, (_, n) => ({ n }))],
    ['a few large parts', { a: 'a'.repeat(MIB), b: 'b'.repeat(MIB), c: 'short' }],
    ['objects in objects', { one: { two: { three: 'x'.repeat(MIB) } } }],
  ])('fits when it is %s, and keeps what is small', async (_, output) => {
    const { manager, job, reports } = await startJob();
    const refused: unknown[] = [];
    const handlers = createRunHandlers(job, { onRefused: (error) => refused.push(error) });
    await handlers.on_run_step_completed?.handle('on_run_step_completed', completed(output));
    await job.complete();
    const data = (await lastOf(manager))?.data;
    expect(data).toMatchObject({ result: { tool_call: { id: 'call', args: '{}' } } });
    expect(JSON.stringify(data).isWellFormed()).toBe(true);
    expect([refused, reports]).toEqual([[], []]);
  });

  it('has no reference when the host could not keep it, which the host is told', async () => {
    const { manager, job, reports } = await startJob();
    const full = new Error('the bucket is full');
    const handlers = createRunHandlers(job, { storeOversized: () => Promise.reject(full) });
    await handlers.on_run_step_completed?.handle('on_run_step_completed', completed('x'.repeat(MIB)));
    await job.complete();
    expect((await lastOf(manager))?.data).toHaveProperty('cut', [
      { path: 'result.tool_call.output', bytes: MIB + 2 },
    ]);
    expect(reports.map(({ where, error }) => [where, error])).toEqual([['agent', full]]);
  });

  it('as a question is refused by name before anything changes', async () => {
    const { job, reports } = await startJob();
    const requests = [{ id: 'call', name: 'mail', arguments: { text: 'x'.repeat(MIB) } }];
    const error = await job.pause({ type: 'tool_approval', requests }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'event_too_large' });
    expect([job.isOver, reports]).toEqual([false, []]);
    const end = await job.run(() => job.pause({ type: 'tool_approval', requests }));
    expect(end).toMatchObject({ reason: 'failed', error: { code: 'event_too_large' } });
    expect(reports.map(({ where, record }) => [where, record?.streamId])).toEqual([['producer', 's']]);
  });
});
