/** The contenders' receiver side: each parses every token and hands it on. */
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import type { Redis } from 'ioredis';
import { connect } from './clients.js';
import type { ContenderName, RunSetup } from './messages.js';
import { channelOf, streamIdOf } from './senders.js';
import type { Token } from './tokens.js';

type OnToken = (token: Token) => void;
/** Resolves when everything sent from now on is received. */
type Listen = (setup: RunSetup, onToken: OnToken) => Promise<void>;

export const listeners: Record<ContenderName, Listen> = {
  publish: (setup, onToken) => subscribe(setup, (text) => onToken(JSON.parse(text) as Token)),

  'per-token': (setup, onToken) =>
    subscribe(setup, (text) => onToken((JSON.parse(text) as { data: Token }).data)),

  async ours(setup, onToken) {
    const manager = new GenerationJobManager(createStreamServices({ redis: connect(setup) }));
    await manager.start();
    for (let stream = 0; stream < setup.streams; stream++) {
      const subscription = manager.subscribe(streamIdOf(stream), { after: 'tail' });
      await subscription.ready;
      void (async () => {
        for await (const { data } of subscription) onToken(data as unknown as Token);
        throw new Error(`stream ${stream} ended`);
      })();
    }
  },
};

async function subscribe(setup: RunSetup, onText: (text: string) => void): Promise<void> {
  const client = connect(setup) as Redis;
  client.on('message', (_channel, text) => onText(text));
  await client.subscribe(...Array.from({ length: setup.streams }, (_, stream) => channelOf(stream)));
}
