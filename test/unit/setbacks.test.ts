import { expect, it } from 'vitest';
import { Setbacks } from '../../src/stream/process/setbacks.js';

function setbacks() {
  let now = 0;
  const known = new Setbacks({ monotonic: () => now }, { firstMs: 10, longestMs: 100 });
  return {
    known,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

it('What is asked for again and again is known however long ago it failed; what nobody asks for is forgotten', () => {
  const { known, pass } = setbacks();
  known.add('forgotten');
  known.addIdle('listed');
  for (let time = 0; time < 500; time += 50) {
    pass(50);
    expect(known.isOver('listed')).toBe(true);
  }
  known.add('other');
  expect(known.has('listed')).toBe(true);
  expect(known.has('forgotten')).toBe(false);
});

it('What came to nothing may be tried again at once, and what fails then is paused as what failed for the first time', () => {
  const { known, pass } = setbacks();
  known.addIdle('s');
  expect(known.has('s')).toBe(true);
  expect(known.isOver('s')).toBe(true);
  known.add('s');
  pass(9);
  expect(known.isOver('s')).toBe(false);
  pass(1);
  expect(known.isOver('s')).toBe(true);
  known.add('s');
  pass(19);
  expect(known.isOver('s')).toBe(false);
});
