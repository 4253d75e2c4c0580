/** Yours: the database. Here the messages of each chat are kept in this process, or where the answers are. */
import type { UIMessage } from 'ai';
import { Redis } from 'ioredis';

export interface Chats {
  get(id: string): Promise<UIMessage[]>;
  save(id: string, messages: UIMessage[]): Promise<void>;
  /** Adds an answer, or takes it in the place of the one with its id: a settlement may be done twice. */
  add(id: string, answer: UIMessage): Promise<void>;
}

export function openChats(redisUrl: string | undefined): Chats {
  const redis = redisUrl ? new Redis(redisUrl) : undefined;
  const kept = new Map<string, string>();
  const keyOf = (id: string) => `example-chats:${id}`;
  const get = async (id: string): Promise<UIMessage[]> =>
    JSON.parse((redis ? await redis.get(keyOf(id)) : kept.get(id)) ?? '[]');
  const save = async (id: string, messages: UIMessage[]) => {
    const text = JSON.stringify(messages);
    if (redis) await redis.set(keyOf(id), text);
    else kept.set(id, text);
  };
  const add = async (id: string, answer: UIMessage) => {
    const others = (await get(id)).filter((message) => message.id !== answer.id);
    await save(id, [...others, { id: answer.id, role: answer.role, parts: answer.parts }]);
  };
  return { get, save, add };
}
