/** What comes through an agent's pipes: floods, cut characters, lines beyond every bound. */
import { createStreamServices } from 'generation-jobs';
import { expect, it } from 'vitest';
import { STEPS, Stage, type Step } from './stage.js';

const { start, end, text } = STEPS;

it('a flood arrives whole, however slowly the job takes it, and no faster than it does', async () => {
  const services = createStreamServices();
  const commit = services.jobStore.commit.bind(services.jobStore);
  services.jobStore.commit = async (...input: Parameters<typeof commit>) => {
    await new Promise((resolve) => setTimeout(resolve, 2));
    return commit(...input);
  };
  const options = { limits: { bufferBytes: 512 * 1024, bufferEvents: 64 } };
  await using stage = new Stage({ ...services, options });
  const job = await stage.job();
  const { reason, diagnosis } = await stage.run(job, [start, ['flood', 3_000, 4_000], end]);
  expect(reason).toBe('completed');
  expect(diagnosis?.lines).toBe(3_002);
  const { parts } = await stage.content(job);
  expect(parts.at(-1)).toMatchObject({ type: 'text', text: 'x'.repeat(12_000_000) });
});

it('a character that is cut in two, line separators of Unicode, and CR are read as they were written', async () => {
  await using stage = new Stage();
  const job = await stage.job();
  const delta = 'naïve\u2028日本\u2029🙂\r';
  const line = JSON.stringify({ event: 'agent', stream: 'assistant', data: { delta } });
  const bytes = [...Buffer.from(`${line}\r\n`)];
  const script = `const wait = () => new Promise((resolve) => setTimeout(resolve, 1));
    for (const byte of ${JSON.stringify(bytes)}) { process.stdout.write(Buffer.from([byte])); await wait(); }
    console.log(${JSON.stringify(JSON.stringify((end as readonly unknown[])[1]))});`;
  await stage.run(job, [], { args: ['--input-type=module', '-e', script] });
  expect((await stage.content(job)).parts).toEqual([{ type: 'text', text: delta }]);
});

it('a line of 10 MB is taken, a longer one is counted, kept in part, and costs no run', async () => {
  await using stage = new Stage();
  const [fits, beyond] = [await stage.job(), await stage.job()];
  const flood = (size: number): Step[] => [start, ['flood', 1, size], text(' after'), end];
  await stage.run(fits, flood(10_000_000));
  const taken = (await stage.content(fits)).parts.at(-1) as { text: string };
  expect(taken.text).toHaveLength(10_000_006);
  const { reason, diagnosis } = await stage.run(beyond, flood(11_000_000));
  expect(reason).toBe('completed');
  expect((await stage.content(beyond)).parts.at(-1)).toEqual({ type: 'text', text: ' after' });
  expect(diagnosis?.badLines).toMatchObject({
    count: 1,
    kept: [expect.stringMatching(/^110000\d\d bytes: /)],
  });
});

it('a tool’s output that no event can hold is cut, and says so', async () => {
  await using stage = new Stage();
  const job = await stage.job();
  const script = `const tool = (data) => console.log(JSON.stringify({ event: 'agent', stream: 'tool', data }));
    tool({ phase: 'start', toolCallId: 't', name: 'cat', args: {} });
    tool({ phase: 'result', toolCallId: 't', result: 'é'.repeat(1_000_000) });`;
  await stage.run(job, [], { args: ['-e', script] });
  const part = (await stage.content(job)).parts.at(-1);
  expect(part).toMatchObject({ type: 'tool', state: 'done' });
  expect((part as { output: string }).output).toMatch(/^é+\n\[… cut: 2000000 bytes in all\]$/);
});

it('bad lines and unknown ones are counted and kept within bounds, and harm nothing', async () => {
  await using stage = new Stage();
  const job = await stage.job();
  const odd: Step[] = Array.from({ length: 100 }, (_, at) => ['say', { event: `odd-${at}` }]);
  const bad: Step[] = Array.from({ length: 50 }, (_, at) => ['write', `{"broken ${at}\n`, '[1]\n\n', '\r\n']);
  const { reason, diagnosis } = await stage.run(job, [start, ...odd, ...bad, text('All'), end]);
  expect(reason).toBe('completed');
  expect(diagnosis?.badLines.count).toBe(100);
  expect(diagnosis?.badLines.kept).toHaveLength(16);
  expect(Object.keys(diagnosis?.unknownLines ?? {})).toHaveLength(65);
  expect(diagnosis?.unknownLines.others).toBe(36);
});
