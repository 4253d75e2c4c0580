/**
 * The page around the client, where there is one. Each of these is missing somewhere: Node has neither document nor
 * window, a worker has no document, and a browser can be wrong about being offline, so nothing rests on it alone.
 */
interface Target {
  addEventListener?(type: string, listener: () => void, options: { readonly signal: AbortSignal }): void;
}

const around = globalThis as Target & {
  readonly document?: Target & { readonly hidden: boolean };
  readonly navigator?: { readonly onLine?: boolean };
};

/** Says whether the page is covered, or in a tab behind another; false where there is no page. */
export function isHidden(): boolean {
  return around.document?.hidden === true;
}

/** Says whether the browser knows of no network; false where nobody knows. */
export function isOffline(): boolean {
  return around.navigator?.onLine === false;
}

export interface PageListeners {
  /** Is called when the page is shown or hidden or thaws, when it gets the focus, and when the network is back. */
  readonly onChange: () => void;
  /** Is called when the network goes. */
  readonly onOffline: () => void;
}

/** Listens to the page until the signal fires. */
export function watchPage({ onChange, onOffline }: PageListeners, signal: AbortSignal): void {
  const listen = (target: Target | undefined, types: readonly string[], listener: () => void) => {
    for (const type of types) target?.addEventListener?.(type, listener, { signal });
  };
  // `pageshow` comes from the back-forward cache, where everything stood still.
  listen(around, ['online', 'focus', 'pageshow'], onChange);
  listen(around, ['offline'], onOffline);
  listen(around.document, ['visibilitychange', 'resume'], onChange);
}
