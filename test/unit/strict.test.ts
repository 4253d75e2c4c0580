import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { createCheckpointer } from 'generation-jobs/agents';
import { textContent } from 'generation-jobs/content';
import { createStreamRouter } from 'generation-jobs/express';
import { createMetrics } from 'generation-jobs/metrics';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { nearestTo } from '../../src/stream/model/nearest.js';

/** What a host writes that the types would have refused. */
type Odd = never;

function refusal(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code}: ${message}`;
  }
  return 'accepted';
}

const made = (input: object) => () =>
  new GenerationJobManager({ ...createStreamServices(), ...input } as Odd);
const client = { duplicate: () => {}, status: 'ready' };

describe('what a host writes out by hand is refused by name when it is not known', () => {
  it.each([
    [
      'a misspelt hook',
      made({ hooks: { onSettle: () => {} } }),
      /hooks: "onSettle" is not known, did you mean "settle"\?/,
    ],
    ['a hook that is none', made({ hooks: { settle: true } }), /hooks\.settle: must be a function/],
    ['an option beside the options', made({ retentionMs: 5 }), /retentionMs belongs into options/],
    [
      'a misspelt option',
      made({ options: { retentionMS: 5 } }),
      /"retentionMS" is not known, did you mean "retentionMs"\?/,
    ],
    [
      'a misspelt limit',
      made({ options: { limits: { eventByte: 5 } } }),
      /limits: "eventByte" .*"eventBytes"/,
    ],
    [
      'a limit that is an option of the routes now, with where it went',
      made({ options: { limits: { bodyBytes: 64 } } }),
      /limits\.bodyBytes is an option of the routes now: give bodyBytes to createStreamRouter/,
    ],
    [
      'a content model that was not called',
      made({ contentModels: [textContent] }),
      /contentModels\.0: .*call it/,
    ],
    [
      'a misspelt input',
      made({ contentModel: [] }),
      /"contentModel" is not known, did you mean "contentModels"\?/,
    ],
    ['a misspelt observer', made({ observer: { jobEnd: () => {} } }), /"jobEnd" .*"jobEnded"/],
    [
      'a misspelt mode of recovery',
      made({ hooks: { recoverMode: 'Restart' } }),
      /hooks\.recoverMode: .*did you mean "restart"\?/,
    ],
    [
      'two content models of one name',
      made({ contentModels: [textContent(), textContent({ event: 'note' })] }),
      /contentModels: two have the name "text"/,
    ],
    [
      'a misspelt part of an action type',
      made({ actionTypes: [{ type: 'form', respones: undefined }] }),
      /actionTypes\.0: "respones" .*"response"/,
    ],
    [
      'a router’s manager that is none',
      () => createStreamRouter(createStreamServices() as Odd, { authorize: () => null }),
      /manager must be a GenerationJobManager/,
    ],
    ['a logger without error', made({ logger: { error: 1 } }), /logger\.error: must be a function/],
    [
      'services that were not spread',
      made({ jobStore: createStreamServices() }),
      /jobStore: must be a JobStore: spread/,
    ],
    [
      'a client in place of the input',
      () => createStreamServices(client as Odd),
      /takes \{ redis: client \}/,
    ],
    ['a URL in place of the input', () => createStreamServices('redis://x' as Odd), /connectRedis/],
    ['a URL beside nothing', () => createStreamServices({ redisUrl: 'redis://x' } as Odd), /connectRedis/],
    [
      'an undefined client, which would be taken for memory',
      () => createStreamServices({ redis: undefined } as Odd),
      /redis is undefined, so no client was made: give one, or leave redis out/,
    ],
    ['no client', () => createStreamServices({ redis: null } as Odd), /redis/],
    [
      'a misspelt service option',
      () => createStreamServices({ maxStream: 1 } as Odd),
      /"maxStream" .*"maxStreams"/,
    ],
    [
      'a misspelt router option',
      () => createStreamRouter(made({})(), { authorize: () => null, heartbeatMS: 1 } as Odd),
      /"heartbeatMS" .*"heartbeatMs"/,
    ],
  ])('%s', (_, call, message) => {
    expect(refusal(call)).toMatch(/^invalid_options: /);
    expect(refusal(call)).toMatch(message);
  });

  it.each([
    [{ onConflict: 'Reject' }, /onConflict: .*did you mean "reject"\?/],
    [{ onConflict: 7 }, /onConflict: /],
    [{ onConflict: null }, /onConflict: /],
    [{ idempotenceKey: 'k' }, /"idempotenceKey" is not known, did you mean "idempotencyKey"\?/],
    [{ usrId: 'ann' }, /"usrId" is not known, did you mean "userId"\?/],
  ])('createJob(%o), and nothing is created', async (input, message) => {
    const manager = made({})();
    const error = await manager.createJob({ streamId: 's', userId: 'ann', ...input } as Odd).catch((e) => e);
    expect(error).toMatchObject({ code: 'invalid_argument', message: expect.stringMatching(message) });
    expect(await manager.getJob('s')).toBe(null);
    await manager.close();
  });

  it('a misspelt user in any call, which would let everybody in', async () => {
    const manager = made({})();
    const misspelt = { user: 'ann' } as Odd;
    const calls = [
      () => manager.getJob('s', misspelt),
      () => manager.getResumeState('s', misspelt),
      () => manager.getPublicState('s', misspelt),
      () => manager.abortJob('s', misspelt),
      () => manager.deleteStream('s', misspelt),
      () => manager.subscribeWithResume('s', misspelt),
      () => manager.approvals.peek('s', misspelt),
      () => manager.approvals.expire('s', misspelt),
      () => manager.approvals.history('s', misspelt),
      () => manager.approvals.resolve('s', { actionId: 'a', by: 'ann', ...(misspelt as object) }),
      async () => manager.subscribe('s', misspelt),
    ];
    for (const [index, call] of calls.entries()) {
      const error = await call().then(
        () => 'accepted',
        (refused: Error) => refused.message,
      );
      expect([index, error]).toEqual([
        index,
        expect.stringContaining('"user" is not known, did you mean "userId"?'),
      ]);
    }
    await manager.close();
  });

  it('a pause with a key that is none: the job goes on', async () => {
    const manager = made({})();
    const made_ = await manager.createJob({ streamId: 's', userId: 'ann' });
    if (!made_.started) throw new Error('not started');
    const error = await made_.job.pause({ type: 'checkpoint', expireInMs: 5 } as Odd).catch((e) => e);
    expect(error.message).toContain('"expireInMs" is not known, did you mean "expiresInMs"?');
    expect(made_.job.isOver).toBe(false);
    await manager.close();
  });

  it('metrics twice on one registry; with a prefix of their own both count', () => {
    const registry = new Registry();
    createMetrics({ registry });
    expect(refusal(() => createMetrics({ registry }))).toMatch(
      /^invalid_options: .*prefix or a registry of its own/,
    );
    expect(() => createMetrics({ registry, prefix: 'other_' })).not.toThrow();
  });
});

it('hooks of a class of the host’s own may have members of their own', async () => {
  class HostHooks {
    readonly database = 1;
    settle(): void {}
  }
  await made({ hooks: new HostHooks() })().close();
});

it('a guess is made only when a known word is near', () => {
  expect(nearestTo('setle', ['settle', 'recover'])).toBe('settle');
  expect(nearestTo('database', ['settle', 'recover'])).toBeUndefined();
});

it('checkpoints are not kept in memory for a place that is named and undefined', async () => {
  for (const name of ['mongo', 'saver']) {
    await expect(createCheckpointer({ [name]: undefined } as Odd)).rejects.toMatchObject({
      code: 'invalid_options',
      message: expect.stringContaining(`${name} is undefined: give one, or leave it out`),
    });
  }
});
