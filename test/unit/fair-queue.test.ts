import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Entrant, FairQueue } from '../../src/stream/turns/fair-queue.js';
import { checked } from './property.js';

interface Named extends Entrant {
  readonly name: string;
}

const named = (name: string, had = 0): Named => ({ name, had, place: -1, arrival: 0 });

function drain(queue: FairQueue<Named>): string[] {
  const names: string[] = [];
  for (let one = queue.take(); one; one = queue.take()) names.push(one.name);
  return names;
}

it('who has had least is served first, and of equals who came first', () => {
  const queue = new FairQueue<Named>();
  for (const one of [named('much', 9), named('first', 2), named('second', 2), named('none')])
    queue.enter(one);
  expect(drain(queue)).toEqual(['none', 'first', 'second', 'much']);
});

it('who was away is served next, but not again and again until it has had as much as the others', () => {
  const queue = new FairQueue<Named>();
  const [old, other, newcomer] = [named('old'), named('other'), named('newcomer')];
  const served: string[] = [];
  const serve = (all: Named[]) => {
    const one = queue.take() as Named;
    served.push(one.name);
    queue.charge(one, 10);
    for (const each of all) queue.enter(each);
  };
  for (const one of [old, other]) queue.enter(one);
  for (let round = 0; round < 100; round++) serve([old, other]);
  queue.enter(newcomer);
  for (let round = 0; round < 9; round++) serve([old, other, newcomer]);
  expect(served[100]).toBe('newcomer');
  const share = served.slice(100).filter((name) => name === 'newcomer').length;
  expect(share).toBe(3);
});

it('whatever enters, leaves and is served: the order is that of a sorted list', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('enter' as const), who: fc.nat(19), had: fc.nat(50) }),
    fc.record({ do: fc.constant('leave' as const), who: fc.nat(19) }),
    fc.record({ do: fc.constant('charge' as const), who: fc.nat(19), had: fc.nat(50) }),
    fc.record({ do: fc.constant('take' as const) }),
  );
  checked(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const queue = new FairQueue<Named>();
      const everybody = Array.from({ length: 20 }, (_, index) => named(`${index}`));
      let model: { who: Named; had: number; arrival: number }[] = [];
      let [floor, arrivals] = [0, 0];
      for (const one of steps) {
        if (one.do === 'take') {
          const [first] = model.toSorted((a, b) => a.had - b.had || a.arrival - b.arrival);
          if (first) floor = first.had;
          model = model.filter((each) => each !== first);
          expect(queue.take()).toBe(first?.who);
        } else {
          const who = everybody[one.who] as Named;
          const waiting = model.find((each) => each.who === who);
          if (one.do === 'leave') {
            queue.leave(who);
            model = model.filter((each) => each.who !== who);
          } else if (one.do === 'charge') {
            queue.charge(who, one.had);
            if (waiting) waiting.had = who.had;
          } else if (!waiting) {
            who.had = one.had;
            queue.enter(who);
            model.push({ who, had: Math.max(one.had, floor), arrival: arrivals++ });
          }
        }
        expect(queue.size).toBe(model.length);
      }
    }),
  );
});
