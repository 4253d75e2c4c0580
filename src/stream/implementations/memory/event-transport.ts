/**
 * Delivery within one process: a frame goes to the stream's listener in the same turn. One transport may be given to
 * several managers, which then behave like replicas. Listeners can't fail each other or the publisher.
 */
import type { ControlSignal, EventTransport, FrameListener } from '../../interfaces/event-transport.js';
import type { Frame, StreamKey } from '../../model/types.js';

export class InMemoryEventTransport implements EventTransport {
  /** Names the transport in logs. */
  readonly kind = 'memory';
  readonly #listeners = new Map<string, readonly FrameListener[]>();
  readonly #signalListeners = new Set<(signal: ControlSignal) => void>();

  async start(): Promise<void> {}

  async subscribe(key: StreamKey, listener: FrameListener): Promise<() => Promise<void>> {
    this.#listeners.set(key.id, [...(this.#listeners.get(key.id) ?? []), listener]);
    return async () => {
      const others = this.#listeners.get(key.id)?.filter((one) => one !== listener) ?? [];
      if (others.length > 0) this.#listeners.set(key.id, others);
      else this.#listeners.delete(key.id);
    };
  }

  publish(frame: Frame): void {
    this.#tell(frame.key, (listener) => listener.onFrame(frame));
  }

  publishGone(key: StreamKey): void {
    this.#tell(key, (listener) => listener.onGone());
  }

  signal(signal: ControlSignal): void {
    for (const listener of this.#signalListeners) guard(() => listener(signal));
  }

  onSignal(listener: (signal: ControlSignal) => void): () => void {
    this.#signalListeners.add(listener);
    return () => this.#signalListeners.delete(listener);
  }

  /** Nothing to let go of: hubs and managers take their own listeners away, and others may still use it. */
  async close(): Promise<void> {}

  #tell(key: StreamKey, tell: (listener: FrameListener) => void): void {
    for (const listener of this.#listeners.get(key.id) ?? []) guard(() => tell(listener));
  }
}

/** A listener that throws stops nobody else; it is the process's warning, since it is a defect, not a lost frame. */
function guard(call: () => void): void {
  try {
    call();
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error));
  }
}
