/** Who gets the error of a call: whoever awaits it, in whatever way; and if nobody does by the end of the turn, the host, once. */
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/clock.js';
import { type HandOutContext, handOut, handOutMethods } from '../../src/stream/process/handed-out.js';

/** Turns end when the test says so. */
function turns() {
  const deferred: (() => void)[] = [];
  const told: { error: unknown; call: unknown }[] = [];
  const context = {
    clock: { defer: (task: () => void) => void deferred.push(task) } as unknown as Clock,
    errors: {
      report: ({ where, error, details }: { where: string; error: unknown; details: { call: string } }) => {
        expect(where).toBe('unawaited');
        told.push({ error, call: details.call });
      },
    },
  } as unknown as HandOutContext;
  const endOfTurn = async () => {
    await new Promise(setImmediate);
    for (const task of deferred.splice(0)) task();
  };
  return { context, told, endOfTurn };
}

describe('the error of a call', () => {
  it('that nobody awaits is told at the end of the turn, with the call’s name', async () => {
    const { context, told, endOfTurn } = turns();
    const error = new Error('the store is away');
    void handOut(context, 'update', () => Promise.reject(error));
    await endOfTurn();
    expect(told).toEqual([{ error, call: 'update' }]);
  });

  it.each<[string, (call: Promise<unknown>) => Promise<unknown>]>([
    ['await', async (call) => await call],
    ['then', (call) => call.then(() => {})],
    ['catch', (call) => call.catch((error) => Promise.reject(error))],
    ['finally', (call) => call.finally(() => {})],
    ['Promise.all', (call) => Promise.all([call])],
    ['Promise.race', (call) => Promise.race([call])],
    ['Promise.any', (call) => Promise.any([call]).catch(({ errors }) => Promise.reject(errors[0]))],
  ])('is the caller’s alone who asks for it by %s', async (_how, ask) => {
    const { context, told, endOfTurn } = turns();
    const error = new Error('refused');
    const asked = ask(handOut(context, 'update', () => Promise.reject(error)));
    await expect(asked).rejects.toBe(error);
    await endOfTurn();
    expect(told).toEqual([]);
  });

  it('is told once, however many calls met it; what is no object is told each time', async () => {
    const { context, told, endOfTurn } = turns();
    const error = new Error('the job is over');
    for (const call of ['emit', 'flush', 'update']) void handOut(context, call, () => Promise.reject(error));
    for (const call of ['emit', 'flush']) void handOut(context, call, () => Promise.reject('over'));
    await endOfTurn();
    expect(told).toEqual([
      { error, call: 'emit' },
      { error: 'over', call: 'emit' },
      { error: 'over', call: 'flush' },
    ]);
  });

  it('is not told when somebody gets it in another way', async () => {
    const { context, told, endOfTurn } = turns();
    void handOut(
      context,
      'emit',
      () => Promise.reject(new Error('over')),
      () => true,
    );
    await endOfTurn();
    expect(told).toEqual([]);
  });

  it('of what the caller chains to a call is the caller’s own', () => {
    const { context } = turns();
    const call = handOut(context, 'update', async () => 'done');
    expect(call.then(() => {}).constructor).toBe(Promise);
  });

  it('that is thrown at once is a rejection, like any other', async () => {
    const { context, told, endOfTurn } = turns();
    const error = new TypeError('a mistake');
    const call = handOut(context, 'update', () => {
      throw error;
    });
    await expect(call).rejects.toBe(error);
    await endOfTurn();
    expect(told).toEqual([]);
  });
});

describe('methods that hand out their promises', () => {
  it('have their own object, arguments and answer, and tell by their name', async () => {
    const { context, told, endOfTurn } = turns();
    class Owner {
      readonly name = 'owner';
      async greet(first: string, last: string): Promise<string> {
        return `${this.name}: ${first} ${last}`;
      }
      async fail(): Promise<void> {
        throw new Error(this.name);
      }
    }
    const owners: Owner[] = [];
    handOutMethods(Owner.prototype, ['greet', 'fail'], (owner) => {
      owners.push(owner);
      return context;
    });
    const owner = new Owner();
    expect(await owner.greet('a', 'b')).toBe('owner: a b');
    void owner.fail();
    await endOfTurn();
    expect(owners).toEqual([owner, owner]);
    expect(told).toMatchObject([{ call: 'fail', error: { message: 'owner' } }]);
  });
});
