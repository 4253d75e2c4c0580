/**
 * The state of a page: what it has been shown and has open, one for each reader: enough to close it before an end, and to send nothing that
 * its chat would refuse. It holds no text but that of tool inputs which still stream.
 */

import { toolOf } from '../content/ui-message-actions.js';
import { CUT_INPUT, isToolPart, type UIMessageContent } from '../content/ui-message-content.js';
import type { PublicAction } from '../stream/model/types.js';
import type { UIChunk } from './ui-chunk.js';

/** A call of a tool, as a page has it. */
export interface PageCall {
  type: string;
  toolName?: string;
  state: unknown;
  input?: unknown;
  rawInput?: string;
  approvalId?: string;
  /** The reason why somebody refused it. */
  refusal?: string;
}

export class PageState {
  readonly texts = new Set<string>();
  readonly reasonings = new Set<string>();
  readonly calls = new Map<string, PageCall>();
  inStep = false;
  /** Something of an answer has been shown, which can't be taken back. */
  hasParts = false;
  finishReason: string | undefined;
  /** The answer waits for a person; `action` has yet to be shown. */
  pause: { readonly action?: PublicAction } | undefined;
  /** The status of an answer that had ended when it was read: its terminal event may be lost. */
  endedAs: 'completed' | 'failed' | 'aborted' | undefined;
  /** Set once the page has all there is of the response. */
  ending: 'whole' | 'broken' | undefined;
  /** False while the page may know more than this: it came back with a cursor. */
  knowsAll = true;

  /** Takes over what a page has that was shown all of this content. */
  take(content: UIMessageContent): void {
    const { parts, open = [] } = content;
    for (const known of [this.texts, this.reasonings, this.calls]) known.clear();
    for (const { id, part } of open) (parts[part]?.type === 'text' ? this.texts : this.reasonings).add(id);
    for (const part of parts) {
      if (!isToolPart(part)) continue;
      const approval = part.approval as { readonly id?: unknown; readonly reason?: unknown } | undefined;
      this.calls.set(String(part.toolCallId), {
        type: part.type,
        ...(typeof part.toolName === 'string' && { toolName: part.toolName }),
        state: part.state,
        input: part.input,
        ...(typeof part.rawInput === 'string' && { rawInput: part.rawInput }),
        ...(typeof approval?.id === 'string' && { approvalId: approval.id }),
        ...(typeof approval?.reason === 'string' && { refusal: approval.reason }),
      });
    }
    this.inStep = content.inStep === true;
    this.hasParts = parts.length > (content.begins ?? 0);
    this.finishReason = content.finishReason;
  }

  get hasOpenText(): boolean {
    return this.texts.size > 0 || this.reasonings.size > 0;
  }

  /** Makes the chunks that close what is open; a step is closed by `finish-step`. */
  closings(): readonly UIChunk[] {
    const texts = [...this.texts].map((id) => ({ type: 'text-end', id }));
    const reasonings = [...this.reasonings].map((id) => ({ type: 'reasoning-end', id }));
    const inputs = [...this.calls].flatMap(([toolCallId, call]) =>
      call.state === 'input-streaming'
        ? {
            type: 'tool-input-error',
            toolCallId,
            ...toolOf(call),
            input: call.rawInput ?? '',
            errorText: CUT_INPUT,
          }
        : [],
    );
    return [...texts, ...reasonings, ...inputs, ...(this.inStep ? [{ type: 'finish-step' }] : [])];
  }

  /** Everything is closed. */
  close(): void {
    this.texts.clear();
    this.reasonings.clear();
    for (const call of this.calls.values()) if (call.state === 'input-streaming') call.state = 'output-error';
    this.inStep = false;
  }
}
