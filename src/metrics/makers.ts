/** Makers of metrics in one registry, each under the same prefix. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export interface Makers {
  counter(name: string, help: string): Counter;
  /** A counter with one label, at 0 for each of its values from the beginning, so that the first event is a rise. */
  counterBy<Value extends string>(
    name: string,
    help: string,
    label: string,
    values: readonly Value[],
  ): (value: Value) => void;
  gauge(name: string, help: string): Gauge;
  histogram<Label extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames?: Label[],
  ): Histogram<Label>;
}

export function makersOf(registry: Registry, prefix: string): Makers {
  const registers = [registry];
  return {
    counter: (name, help) => new Counter({ name: prefix + name, help, registers }),
    counterBy: (name, help, label, values) => {
      const counter = new Counter({ name: prefix + name, help, registers, labelNames: [label] });
      const children = new Map(values.map((value) => [value, counter.labels(value)]));
      for (const child of children.values()) child.inc(0);
      return (value) => children.get(value)?.inc();
    },
    gauge: (name, help) => new Gauge({ name: prefix + name, help, registers }),
    histogram: (name, help, buckets, labelNames = []) =>
      new Histogram({ name: prefix + name, help, registers, buckets, labelNames }),
  };
}
