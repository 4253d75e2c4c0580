/**
 * Types of a host, as the files beside this one use them: compiled, never run. What must not compile stands below
 * `@ts-expect-error`, so a type that has become too wide fails as well.
 */
import type { GenerationJobManager, HostTypes, JobFailure } from 'generation-jobs';

export interface ChatContent {
  text: string;
  sources: string[];
}

export interface Message {
  id: string;
  text: string;
}

export interface ChatTypes extends HostTypes {
  events: {
    text: { delta: string };
    source: { url: string; title?: string };
    done_thinking: null;
  };
  content: ChatContent;
  metadata: { model: string; temperature: number };
  created: { question: string };
  final: Message;
}

export type Chat = GenerationJobManager<ChatTypes>;

/** True where both are one type: neither is wider than the other, and neither is `any`. */
export type Same<One, Other> =
  (<Type>() => Type extends One ? 1 : 2) extends <Type>() => Type extends Other ? 1 : 2 ? true : false;

/** Says at compile time that the types are one. */
export declare function same<One, Other>(isSame: Same<One, Other>): void;

/** Takes what a `switch` has left when each name was named. */
export declare function never(rest: never): void;

export declare function show(text: string): void;
export declare function showFailure(failure: JobFailure): void;
