/**
 * Tells a user's browsers that an answer waits, though no page is open, by web push (RFC 8030, 8291, 8292). The message has a token
 * that decides; the page's service worker shows it with a button for each decision. It is encrypted for the browser alone.
 *
 * The address to push to comes from a client, so it is one of a known push service or it is not taken: whatever else this server can
 * reach is not for clients to have requests sent to.
 */
import { createECDH, createHash, hkdfSync } from 'node:crypto';
import { isGenerationJobError, type PausedInput } from 'generation-jobs';
import type { DecisionLinks } from 'generation-jobs/decision-links';
import type { Logger } from 'pino';
import webPush from 'web-push';
import type { Identity } from '../conversations/conversations.js';
import type { Subscription, Subscriptions } from './subscriptions.js';

/** The push services of browsers; a name that begins with a dot stands for all below it. */
export const PUSH_SERVICES = [
  'fcm.googleapis.com',
  'updates.push.services.mozilla.com',
  '.push.apple.com',
  '.notify.windows.com',
] as const;

/** Push services want to know whom to ask; yours. */
const CONTACT = 'mailto:chat@example.com';
const SEND_MS = 5_000;
const LONGEST_TITLE = 120;
const MOST_SECONDS = 24 * 60 * 60;
/** The decisions of the buttons; a browser shows two. */
const BUTTONS = { approve: 'Allow', reject: 'Reject' } as const;

/** What the service worker is told. */
interface Message {
  readonly title: string;
  readonly body: string;
  /** One notification takes the place of the one before under its tag. */
  readonly tag: string;
  readonly actions: readonly { readonly action: string; readonly title: string }[];
  /** Decides; absent where it takes more than a button. */
  readonly token?: string;
  /** The conversation. */
  readonly url: string;
}

export interface PushingInput {
  /** The same at every replica: the server's key pair is made of it. */
  readonly secret: string;
  readonly links: DecisionLinks;
  readonly subscriptions: Subscriptions;
  readonly services: readonly string[];
  readonly logger: Logger;
}

export class Pushing {
  readonly #input: PushingInput;
  readonly #keys: { readonly publicKey: string; readonly privateKey: string };

  constructor(input: PushingInput) {
    this.#input = input;
    this.#keys = keyPairFrom(input.secret);
  }

  /** What a browser subscribes to. */
  get publicKey(): string {
    return this.#keys.publicKey;
  }

  /** False when the address is not one of a push service. */
  async add(owner: Identity, subscription: Subscription): Promise<boolean> {
    const { protocol, host } = new URL(subscription.endpoint);
    const isService = this.#input.services.some((one) =>
      one.startsWith('.') ? host.endsWith(one) : host === one,
    );
    if (protocol !== 'https:' || !isService) return false;
    await this.#input.subscriptions.add(owner, subscription);
    return true;
  }

  /** Whether there is a browser to tell. */
  async reaches(owner: Identity): Promise<boolean> {
    return (await this.#input.subscriptions.of(owner)).length > 0;
  }

  /** @throws what the push services threw, once all have been tried */
  async tell({ pauseId, record, action }: PausedInput): Promise<void> {
    const topic = createHash('sha256').update(pauseId).digest('base64url').slice(0, 32);
    const message = await this.#messageFor({ record, action }, topic);
    const subscriptions = await this.#input.subscriptions.of(record);
    const TTL = Math.max(1, Math.min(MOST_SECONDS, Math.floor((action.expiresAt - Date.now()) / 1000)));
    const tries = subscriptions.map((one) =>
      this.#send(record, one, JSON.stringify(message), { TTL, topic }),
    );
    const failures = (await Promise.allSettled(tries)).flatMap((one) =>
      one.status === 'rejected' ? one : [],
    );
    if (failures.length > 0) throw failures[0]?.reason;
  }

  async #send(
    owner: Identity,
    subscription: Subscription,
    text: string,
    options: { TTL: number; topic: string },
  ): Promise<void> {
    const vapidDetails = { subject: CONTACT, ...this.#keys };
    try {
      await webPush.sendNotification(subscription, text, { ...options, vapidDetails, timeout: SEND_MS });
    } catch (error) {
      const status = error instanceof webPush.WebPushError ? error.statusCode : undefined;
      // Its browser wants to be told no more.
      if (status === 404 || status === 410) return this.#input.subscriptions.remove(owner, subscription);
      this.#input.logger.warn({ status }, 'a browser could not be told');
      throw error;
    }
  }

  async #messageFor(
    { record, action }: Pick<PausedInput, 'record' | 'action'>,
    tag: string,
  ): Promise<Message> {
    const asked = [
      ...action.requests.map(({ name }) => name),
      ...action.questions.map(({ question }) => question),
    ];
    const body = asked.join(', ').slice(0, LONGEST_TITLE);
    const url = `/#${encodeURIComponent(record.conversationId ?? record.streamId)}`;
    const message = { title: 'An answer waits for you', body, tag, url };
    const choices = Object.entries(BUTTONS).filter(([decision]) =>
      action.requests.every(({ allowedDecisions }) =>
        (allowedDecisions as readonly string[]).includes(decision),
      ),
    );
    const actions = choices.map(([decision, title]) => ({ action: decision, title }));
    try {
      const { token } = await this.#input.links.createDecisionLink({ record, action, user: record.userId });
      return { ...message, actions, token };
    } catch (error) {
      if (isGenerationJobError(error, 'decision_not_linkable')) return { ...message, actions: [] };
      throw error;
    }
  }
}

/** A pair of the curve that push services know, always the same of one secret. */
function keyPairFrom(secret: string) {
  const pair = createECDH('prime256v1');
  pair.setPrivateKey(Buffer.from(hkdfSync('sha256', secret, '', 'web push', 32)));
  return { publicKey: pair.getPublicKey('base64url'), privateKey: pair.getPrivateKey('base64url') };
}
