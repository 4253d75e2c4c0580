import { describe, expect, it } from 'vitest';
import { chatHandlerSchema, chatRouterSchema } from '../../src/ai-sdk/chat-options.js';
import { handlerSchema, routerSchema } from '../../src/http/route-options.js';
import { connectSchema } from '../../src/redis/connect.js';
import { redisOptionsSchema } from '../../src/stream/implementations/redis/options.js';
import { optionsSchema } from '../../src/stream/model/options.js';
import { gatewaySchema, webGatewaySchema } from '../../src/worker/gateway/gateway-options.js';
import { outboxSchema } from '../../src/worker/outbox/options.js';
import { exportedMembers } from './hover.js';

const members = exportedMembers();

describe('what an editor shows', () => {
  it('has a sentence for every property and method of every exported type', () => {
    expect(members.length).toBeGreaterThan(300);
    expect(members.filter(({ text }) => text.length < 10).map(({ name }) => name)).toEqual([]);
  });

  it.each([
    ['GenerationJobOptions.leaseMs', '(ms). 1 ms to 366 d; default 15 s.'],
    ['GenerationLimits.eventBytes', '(bytes). 64 B to 4 GiB; default 256 KiB.'],
    ['RedisOptions.timeoutMs', '(ms). 10 ms to 10 min; default 5 s.'],
    ['StreamRouterOptions.heartbeatMs', '(ms). 10 ms to 1 h; default 15 s.'],
    ['ConnectRedisOptions.socketTimeoutMs', '(ms). 10 ms to 10 min; default 4 s.'],
  ])('has unit, bounds and default of what its schema checks: %s', (name, ending) => {
    expect(members.find((member) => member.name === name)?.text).toContain(ending);
  });

  it.each([
    ['GenerationJobOptions', optionsSchema],
    ['RedisOptions', redisOptionsSchema],
    ['StreamRouterOptions', routerSchema],
    ['StreamHandlerOptions', handlerSchema],
    ['ConnectRedisOptions', connectSchema],
    ['ChatRouterOptions', chatRouterSchema],
    ['ChatHandlerOptions', chatHandlerSchema],
    ['OutboxInput', outboxSchema],
    ['WorkerRouterOptions', gatewaySchema],
    ['WorkerHandlerOptions', webGatewaySchema],
  ])('has of %s each option that its schema knows, with the meaning the schema gives it', (name, schema) => {
    for (const [option, { description = '' }] of Object.entries(schema.shape)) {
      const text = members.find((member) => member.name === `${name}.${option}`)?.text;
      expect(`${name}.${option}: ${text}`).toContain(description);
      expect(description.length).toBeGreaterThan(9);
    }
  });
});
