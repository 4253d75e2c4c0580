import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { type Peer, TESTED_PEERS, warnIfUntested } from '../../src/peer-versions.js';

const peers = Object.entries(manifest.peerDependencies);

describe('optional peers', () => {
  it.each(peers)(
    '%s is let in from a lower bound on, with no upper one: npm stops at nothing newer',
    (_, range) => {
      expect(range).toMatch(/^(\*|>=\d+(\.\d+){0,2})$/);
    },
  );

  it.each(Object.entries(TESTED_PEERS))(
    '%s is in the tests with each version it is said to be',
    (peer, majors) => {
      const installed = Object.entries(manifest.devDependencies)
        .map(([name, version]) =>
          version.startsWith(`npm:${peer}@`) ? version : name === peer ? version : '',
        )
        .map((version) =>
          version
            .slice(version.lastIndexOf('@') + 1)
            .split('.')
            .map(Number),
        );
      for (const [major, minor] of Object.entries(majors)) {
        const found = installed.find(([first]) => first === Number(major));
        expect(found?.[1], `${peer} ${major}`).toBeGreaterThanOrEqual(minor);
      }
      const [, range = ''] = peers.find(([name]) => name === peer) ?? [];
      const [oldest = ''] = Object.entries(majors).map(([major, minor]) => `>=${major}.${minor}`);
      expect(['*', oldest]).toContain(range);
    },
  );

  it.each<[Peer, string]>([
    ['express', '6.0.0'],
    ['express', '4.20.0'],
    ['ioredis', '7.1.0'],
    ['mongoose', '7.8.13'],
    ['prom-client', '16.0.0-1'],
  ])('that no test has seen are warned of by name, once: %s %s', async (peer, version) => {
    const warnings: Error[] = [];
    const hear = (warning: Error) => warnings.push(warning);
    process.on('warning', hear);
    try {
      const warned = once(process, 'warning');
      warnIfUntested(peer, version);
      warnIfUntested(peer, version);
      await warned;
      warnIfUntested(peer, version);
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      process.off('warning', hear);
    }
    expect(warnings.map(({ name }) => name)).toEqual(['UntestedPeerWarning']);
    expect(warnings[0]?.message).toContain(`${peer} ${version}`);
  });

  it('that are tested are not warned of', async () => {
    const warnings: Error[] = [];
    const hear = (warning: Error) => warnings.push(warning);
    process.on('warning', hear);
    for (const peer of Object.keys(TESTED_PEERS) as Peer[]) warnIfUntested(peer);
    for (const version of ['4.21.2', '4.22.3', '5.3.0']) warnIfUntested('express', version);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', hear);
    expect(warnings).toEqual([]);
  });
});
