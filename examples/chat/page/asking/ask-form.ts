/** What the card needs of the form that is filled in on it. */
import type { Said } from './deciding.js';

export interface AskForm {
  readonly element: HTMLFormElement;
  /** While a decision is on its way, nothing else can be sent. */
  showSending(isSending: boolean): void;
}

/** Called with all that is to be sent. */
export type Say = (said: Said) => void;
