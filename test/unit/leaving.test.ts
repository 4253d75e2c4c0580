/** How a host leaves: a manager that closes, a follower that is closed by whoever holds it. */
import { EventEmitter } from 'node:events';
import { createStreamServices, GenerationJobManager, type Hooks } from 'generation-jobs';
import { Checkpointer } from 'generation-jobs/agents';
import { FakeClock, turns } from 'generation-jobs/testing';
import { expect, it } from 'vitest';

it('a manager that closes while it starts begins no upkeep behind it, and whoever starts it is told', async () => {
  const clock = new FakeClock();
  const services = createStreamServices({ clock });
  let connect = () => {};
  services.jobStore.start = () =>
    new Promise((resolve) => {
      connect = resolve;
    });
  let looks = 0;
  const { list } = services.jobStore.due;
  services.jobStore.due.list = (request) => {
    looks++;
    return list.call(services.jobStore.due, request);
  };
  const manager = new GenerationJobManager({ ...services, clock });
  const started = manager.start();
  const closed = manager.close();
  await turns(1);
  connect();
  await expect(started).rejects.toMatchObject({ code: 'closed' });
  await closed;
  looks = 0;
  for (let turn = 0; turn < 20; turn++) await clock.advance(1_000);
  expect(looks).toBe(0);
});

it('a subscription’s close may be a listener, whatever it is called with', async () => {
  const manager = new GenerationJobManager(createStreamServices());
  await manager.createJob({ streamId: 's', userId: 'u' });
  const subscription = manager.subscribe('s');
  await subscription.ready;
  const socket = new EventEmitter();
  socket.on('close', subscription.close.bind(subscription));
  socket.emit('close', false);
  expect(subscription.closedBy).toBe('left');
  expect(manager.followerCount('s')).toBe(0);
  await manager.close();
});

it('hooks that are methods of a class are still hooks, and called on it, when a checkpointer adds its own', async () => {
  class OwnHooks implements Hooks {
    readonly #saved: unknown[] = [];
    describeEnd() {
      return this.#saved.length;
    }
    recover() {
      return this.#saved;
    }
    settle({ record }: Parameters<NonNullable<Hooks['settle']>>[0]) {
      this.#saved.push(record);
    }
  }
  const nothing = async () => undefined;
  const checkpointer = new Checkpointer({ getTuple: nothing, deleteThread: nothing });
  const hooks = checkpointer.settling(new OwnHooks());
  expect(hooks.recover).toBeTypeOf('function');
  expect(hooks.describeEnd?.(undefined as never, null)).toBe(0);
  const ended = { record: { streamId: 's', generation: 1, metadata: {} } };
  await hooks.settle?.(ended as never);
  expect(hooks.describeEnd?.(undefined as never, null)).toBe(1);
});
