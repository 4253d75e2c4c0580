/**
 * Where the user writes: the text, which model answers, how fast a recording plays, and the button that sends or stops.
 * Enter sends, Shift+Enter breaks the line; while an answer is being made the button stops it.
 */

import { byId, make } from '../elements.js';
import type { Models } from '../following/chat-api.js';
import { nameOfRecording } from './recording-names.js';

export interface Message {
  readonly text: string;
  readonly recording?: string;
  readonly tokensPerSecond?: number;
}

export interface ComposerHandlers {
  readonly onSend: (message: Message) => void;
  /** Something was written while an answer is made. */
  readonly onSay: (text: string) => void;
  /** It is to be answered when the answer that is made is done. */
  readonly onQueue: (message: Message) => void;
  readonly onStop: () => void;
}

/** `asking`: the answer waits for a decision. It can be stopped, or another message can take its place. */
export type ComposerState = 'ready' | 'sending' | 'answering' | 'asking';

const LIVE_MODEL = '';
const SPEED_KEY = 'chat.speed';
const RECORDING_KEY = 'chat.recording';

export class Composer {
  readonly #form = byId('composer', HTMLFormElement);
  readonly #text = byId('text', HTMLTextAreaElement);
  readonly #recording = byId('recording', HTMLSelectElement);
  readonly #speed = byId('speed', HTMLSelectElement);
  readonly #send = byId('send', HTMLButtonElement);
  readonly #stop = byId('stop', HTMLButtonElement);
  readonly #whenDone = byId('when-done', HTMLButtonElement);
  readonly #handlers: ComposerHandlers;
  #state: ComposerState = 'ready';

  constructor(handlers: ComposerHandlers) {
    this.#handlers = handlers;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener('input', () => this.#update());
    this.#stop.addEventListener('click', () => handlers.onStop());
    this.#whenDone.addEventListener('click', () => this.#queue());
    remember(this.#speed, SPEED_KEY);
    this.#update();
  }

  offer({ recordings, demos, default: preferred, liveModel }: Models): void {
    const live = liveModel === null ? [] : [option(LIVE_MODEL, liveModel)];
    this.#recording.replaceChildren(
      ...live,
      optionGroup('Recorded answers', recordings),
      optionGroup('Made up for this page', demos),
    );
    this.#recording.value = liveModel === null ? preferred : LIVE_MODEL;
    remember(this.#recording, RECORDING_KEY);
  }

  setState(state: ComposerState): void {
    this.#state = state;
    this.#update();
  }

  /** What answers, and how fast, as chosen here. */
  get choice(): Omit<Message, 'text'> {
    const recording = this.#recording.value;
    return recording === LIVE_MODEL ? {} : { recording, tokensPerSecond: Number(this.#speed.value) };
  }

  /** Has a message changed before it is sent again; what was being written is replaced. */
  edit(text: string): void {
    this.#text.value = text;
    this.#text.focus();
    this.#text.setSelectionRange(text.length, text.length);
    this.#update();
  }

  /** Sends without typing, as the suggestions do. */
  sendText(text: string, recording: string): void {
    this.#text.value = text;
    this.#recording.value = recording;
    this.#submit();
  }

  /** Puts back what could not be sent, unless the user has gone on writing. */
  restore(text: string): void {
    if (this.#text.value === '') this.#text.value = text;
    this.#update();
  }

  focus(): void {
    // On a touch screen the keyboard would jump up over the page.
    if (matchMedia('(hover: hover)').matches) this.#text.focus();
  }

  #submit(): void {
    const text = this.#text.value.trim();
    if (text === '' || !this.#maySend) return;
    this.#text.value = '';
    this.#update();
    if (this.#state === 'answering') this.#handlers.onSay(text);
    else this.#handlers.onSend({ text, ...this.choice });
  }

  #queue(): void {
    const text = this.#text.value.trim();
    if (text === '') return;
    this.#text.value = '';
    this.#update();
    this.#text.focus();
    this.#handlers.onQueue({ text, ...this.choice });
  }

  get #maySend(): boolean {
    return this.#state !== 'sending';
  }

  #update(): void {
    const isAsking = this.#state === 'asking';
    const isBlank = this.#text.value.trim() === '';
    const isAnswering = isBlank && (this.#state === 'answering' || isAsking);
    const hadFocus = document.activeElement === this.#send || document.activeElement === this.#stop;
    this.#send.hidden = isAnswering;
    this.#stop.hidden = !isAnswering;
    this.#send.disabled = !this.#maySend || isBlank;
    this.#whenDone.hidden = isBlank || !(this.#state === 'answering' || isAsking);
    const isWriting = this.#state === 'answering';
    this.#text.placeholder = isAsking
      ? 'Decide above, or write anew'
      : isWriting
        ? 'Say something to it'
        : 'Write a message';
    if (hadFocus) (isAnswering ? this.#stop : this.#text).focus();
  }
}

function optionGroup(label: string, files: readonly string[]): HTMLOptGroupElement {
  const group = make('optgroup', '', ...files.map((file) => option(file, nameOfRecording(file))));
  group.label = label;
  return group;
}

function option(value: string, label: string): HTMLOptionElement {
  const element = make('option', '', label);
  element.value = value;
  return element;
}

/** Keeps a choice for the next visit; a choice that is no longer offered is passed over. */
function remember(select: HTMLSelectElement, key: string): void {
  const saved = localStorage.getItem(key);
  if (saved !== null && [...select.options].some(({ value }) => value === saved)) select.value = saved;
  select.addEventListener('change', () => localStorage.setItem(key, select.value));
}
