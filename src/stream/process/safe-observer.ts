/** An observer that can't fail what it watches. */
import { OBSERVED, type StreamObserver } from '../interfaces/observer.js';
import { callUnawaited } from './host-code.js';

/**
 * An observer from some of its methods; each call is guarded.
 * @param failed told the first error of each method: one that counts every event would otherwise tell one for each
 */
export function safeObserver(
  observer: Partial<StreamObserver> = {},
  failed: (error: unknown) => void = () => {},
): StreamObserver {
  const broken = new Set<string>();
  const target = observer as Record<string, ((...args: unknown[]) => unknown) | undefined>;
  const guarded: Record<string, (...args: unknown[]) => void> = {};
  for (const name of OBSERVED) {
    const onFailed = (error: unknown) => {
      if (name !== 'hookFailed') guarded.hookFailed?.('observer');
      if (!broken.has(name)) failed(error);
      broken.add(name);
    };
    guarded[name] = (...args) => callUnawaited(() => target[name]?.(...args), onFailed);
  }
  return guarded as unknown as StreamObserver;
}
